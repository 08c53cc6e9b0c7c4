// SPDX-License-Identifier: Apache-2.0
#include "app/config/key.hpp"

#include <gtest/gtest.h>

#include "app/config/schema.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

TEST(TomlText, IsValidTomlOfTheSameType) {
  EXPECT_EQ(toml_text(true), "true");
  EXPECT_EQ(toml_text(std::int64_t{-3}), "-3");
  EXPECT_EQ(toml_text(20.0), "20.0");
  EXPECT_EQ(toml_text(0.1), "0.1");
  EXPECT_EQ(toml_text(8e-7), "8e-7");
  EXPECT_EQ(toml_text(1e300), "1e+300");
  EXPECT_EQ(toml_text(std::string("a\"b\\c\n")), "\"a\\\"b\\\\c\\u000a\"");
  EXPECT_EQ(toml_text(std::vector<std::string>{"x", "y"}), "[\"x\", \"y\"]");
}

TEST(Key, KnowsItsSectionAndWhatIsAllowed) {
  const Key* key = find_key("data.markov.order");
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->section(), "data.markov");
  EXPECT_EQ(key->short_name(), "order");
  EXPECT_EQ(key->allowed(), "integer, at least 1 and at most 3");
  EXPECT_EQ(find_key("weights.children")->allowed(), "\"per_slot\" or \"shared\"");
  EXPECT_EQ(find_key("data.markov.orderr"), nullptr);
  EXPECT_TRUE(key->belongs_to(Scope::recurrent));
  EXPECT_FALSE(key->belongs_to(Scope::macro));
}

TEST(Key, ListOfOperationsNamesThemAll) {
  const std::string allowed = find_key("space.operations")->allowed();
  for (int i = 0; i <= static_cast<int>(space::Operation::identity); ++i) {
    const auto name = name_of(static_cast<space::Operation>(i));
    EXPECT_NE(allowed.find(concat("\"", name, "\"")), std::string::npos) << name;
  }
}

TEST(Key, AssignStoresNothingThatDoesNotFit) {
  Settings settings;
  const Key* key = find_key("weights.slots");
  EXPECT_EQ(key->assign(std::int64_t{5000}, settings),
            "must be at least 1 and at most 4096, is 5000");
  EXPECT_EQ(settings.weights.slots, Settings().weights.slots);
  EXPECT_EQ(key->assign(std::int64_t{7}, settings), std::nullopt);
  EXPECT_EQ(settings.weights.slots, 7);
  EXPECT_EQ(key->value_in(settings), Value(std::int64_t{7}));
}

TEST(Key, LongTextIsCutInMessages) {
  Settings settings;
  const auto problem = find_key("search.strategy")->assign(std::string(5000, 'x'), settings);
  ASSERT_TRUE(problem.has_value());
  EXPECT_LT(problem->size(), 200U);
}

}  // namespace
}  // namespace enas::app
