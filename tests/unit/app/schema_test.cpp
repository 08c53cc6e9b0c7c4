// SPDX-License-Identifier: Apache-2.0
#include "app/schema.hpp"

#include <gtest/gtest.h>

#include <set>

#include "app/presets.hpp"

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
  return std::vector<std::string>{"sigmoid"};
}

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
  EXPECT_EQ(names.size(), 76U);
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
  for (const auto& preset : preset_names()) {
    const Settings settings = preset_settings(preset);
    for (const Key& key : schema()) {
      Settings copy = settings;
      EXPECT_EQ(key.assign(key.value_in(settings), copy), std::nullopt)
          << preset << " " << key.name;
    }
  }
}

TEST(Schema, EachKeyMovesItsOwnMemberOnly) {
  const Settings defaults;
  for (const Key& key : schema()) {
    if (key.name == "space.kind") continue;  // one choice only
    Settings settings;
    const Value value = other_value(key, defaults);
    ASSERT_EQ(key.assign(value, settings), std::nullopt) << key.name;
    EXPECT_EQ(key.value_in(settings), value) << key.name;
    for (const Key& other : schema()) {
      if (other.name == key.name) continue;
      EXPECT_EQ(other.value_in(settings), other.value_in(defaults))
          << key.name << " moved " << other.name;
    }
  }
}

TEST(Schema, WhatChangesTheSearchIsIdentityAndTheRestIsNot) {
  for (const char* name : {"run.seed", "weights.slots", "weights.batch_size", "supernet.hidden",
                           "controller.rollouts", "space.nodes", "data.source"}) {
    EXPECT_EQ(find_key(name)->role, Role::identity) << name;
  }
  for (const char* name : {"run.threads", "run.dir", "run.log_interval_s", "data.path",
                           "search.rounds", "checkpoint.keep", "comm.timeout_s"}) {
    EXPECT_EQ(find_key(name)->role, Role::adjustable) << name;
  }
}

}  // namespace
}  // namespace enas::app
