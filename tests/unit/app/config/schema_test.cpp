// SPDX-License-Identifier: Apache-2.0
#include "app/config/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "app/config/config_checks.hpp"
#include "app/config/presets.hpp"

namespace enas::app {
namespace {

/// A value of the key's kind that differs from the default and is allowed.
Value other_value(const Key& key, const Settings& defaults) {
  const Value value = key.value_in(defaults);
  if (const auto* choice = std::get_if<Choice>(&key.place)) {
    return choice->names.back() == std::get<std::string>(value) ? choice->names.front()
                                                                : choice->names.back();
  }
  if (const auto* flag = std::get_if<bool>(&value)) return !*flag;
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return static_cast<double>(*number) < key.range.high ? *number + 1 : *number - 1;
  }
  if (const auto* number = std::get_if<double>(&value)) {
    const double other = *number == 0.0 ? 0.5 : *number * 0.75;
    return other;
  }
  if (std::holds_alternative<std::string>(value)) return "something else";
  return std::vector<std::string>{std::get<std::vector<std::string>>(value).back()};
}

Settings of_kind(Scope kind) { return preset_settings("default", kind); }

constexpr std::array kKinds = {Scope::recurrent, Scope::macro, Scope::micro, Scope::table};

TEST(Schema, NamesAreUniqueAndEveryKeyIsDocumented) {
  std::set<std::string> names;
  for (const Key& key : schema()) {
    SCOPED_TRACE(key.name);
    EXPECT_TRUE(names.insert(key.name).second);
    EXPECT_FALSE(key.section().empty());
    EXPECT_FALSE(section_help(key.section()).empty());
    EXPECT_GT(key.help.size(), 10U);
    EXPECT_EQ(key.help.back(), '.');
    EXPECT_EQ(key.help.find('\n'), std::string::npos);
    EXPECT_FALSE(key.allowed().empty());
  }
  EXPECT_EQ(names.size(), 159U);
}

TEST(Schema, EveryKindHasItsKeys) {
  const auto number = [](Scope kind) {
    return std::count_if(schema().begin(), schema().end(),
                         [&](const Key& key) { return key.belongs_to(kind); });
  };
  EXPECT_EQ(number(Scope::recurrent), 120);
  EXPECT_EQ(number(Scope::macro), 103);
  EXPECT_EQ(number(Scope::micro), 102);
  EXPECT_EQ(number(Scope::table), 42);
  for (const Key& key : schema()) EXPECT_FALSE(key.kinds.empty()) << key.name;
}

TEST(Schema, SectionsAreContiguous) {
  std::set<std::string> seen;
  std::string current;
  for (const Key& key : schema()) {
    if (key.section() == current) continue;
    current = key.section();
    EXPECT_TRUE(seen.insert(current).second) << current;
  }
}

TEST(Schema, EveryPresetFitsItsRanges) {
  for (const Scope kind : kKinds) {
    for (const auto& preset : preset_names()) {
      Settings settings = preset_settings(preset, kind);
      for (const Key& key : schema()) {
        if (!key.belongs_to(kind)) continue;
        Settings copy = settings;
        EXPECT_EQ(key.assign(key.value_in(settings), copy), std::nullopt)
            << name_of(kind) << " " << preset << " " << key.name;
      }
      settings.data.path = "somewhere";
      settings.evaluation.table = "somewhere";
      EXPECT_EQ(problems_together(settings), std::vector<std::string>()) << preset;
    }
  }
}

TEST(Schema, EachKeyMovesItsOwnMemberOnly) {
  for (const Scope kind : kKinds) {
    const Settings defaults = of_kind(kind);
    for (const Key& key : schema()) {
      if (!key.belongs_to(kind) || key.name == "space.kind") continue;
      Settings settings = defaults;
      const Value value = other_value(key, defaults);
      ASSERT_EQ(key.assign(value, settings), std::nullopt) << key.name;
      EXPECT_EQ(key.value_in(settings), value) << key.name;
      EXPECT_NE(value, key.value_in(defaults)) << key.name;
      for (const Key& other : schema()) {
        if (other.name == key.name || !other.belongs_to(kind)) continue;
        EXPECT_EQ(other.value_in(settings), other.value_in(defaults))
            << key.name << " moved " << other.name;
      }
    }
  }
}

TEST(Schema, OneNameServesSeveralKindsWithAMemberEach) {
  Settings settings = of_kind(Scope::macro);
  ASSERT_EQ(find_key("supernet.filters")->assign(std::int64_t{10}, settings), std::nullopt);
  EXPECT_EQ(settings.supernet.macro.filters, 10);
  EXPECT_EQ(settings.supernet.micro.filters, 20);
  settings.space.kind = space::SpaceKind::micro;
  ASSERT_EQ(find_key("space.nodes")->assign(std::int64_t{4}, settings), std::nullopt);
  EXPECT_EQ(settings.space.micro.nodes, 4);
  EXPECT_EQ(settings.space.recurrent.nodes, 12);
  EXPECT_EQ(find_key("supernet.filters")->value_in(settings), Value(std::int64_t{20}));
}

TEST(Schema, WhatChangesTheSearchIsIdentityAndTheRestIsNot) {
  for (const char* name :
       {"run.seed", "weights.slots", "weights.batch_size", "supernet.hidden", "controller.rollouts",
        "space.nodes", "data.source", "space.kind", "data.limit_train", "data.valid_size",
        "supernet.filters", "supernet.kernels", "supernet.precision"}) {
    EXPECT_EQ(find_key(name)->role, Role::identity) << name;
  }
  for (const char* name :
       {"run.threads", "run.dir", "run.log_interval_s", "data.path", "evaluation.table",
        "search.rounds", "checkpoint.keep", "comm.timeout_s"}) {
    EXPECT_EQ(find_key(name)->role, Role::adjustable) << name;
  }
}

}  // namespace
}  // namespace enas::app
