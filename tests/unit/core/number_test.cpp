// SPDX-License-Identifier: Apache-2.0
#include "core/number.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace enas {
namespace {

/// What reading says: the number, or what is wrong.
std::string whole(const std::string& text, const Range& allowed = {}) {
  std::int64_t number = 0;
  const auto problem = read_whole(text, allowed, number);
  return problem ? *problem : std::to_string(number);
}

std::string real(const std::string& text, const Range& allowed = {}) {
  double number = 0.0;
  const auto problem = read_number(text, allowed, number);
  return problem ? *problem : shortest_digits(number);
}

TEST(ReadWhole, DigitsAreDecimalWhateverStandsInFront) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"0", "0"},
      {"8", "8"},
      {"010", "10"},
      {"08", "8"},
      {"-7", "-7"},
      {"-0", "0"},
      {"0000", "0"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"}};
  for (const auto& [text, value] : cases) EXPECT_EQ(whole(text), value) << text;
}

TEST(ReadWhole, EverythingElseIsRefused) {
  for (const std::string text :
       {"0x10", "0b1", "1e3", "1.0", "1_000", "+5", "five", "-", "--5", "5-6", "１"}) {
    EXPECT_EQ(whole(text), "must be a whole number in decimal digits, is " + text);
  }
  for (const std::string text : {"", " 5", "5 ", "5\t"}) {
    EXPECT_EQ(whole(text), "must be a whole number in decimal digits, is \"" + text + "\"");
  }
}

TEST(ReadWhole, NumbersThatAreNotAllowedSayWhichAre) {
  EXPECT_EQ(whole("0", between(1, 4096)), "must be at least 1 and at most 4096, is 0");
  EXPECT_EQ(whole("99999999999999999999", between(1, 4096)),
            "must be at least 1 and at most 4096, is 99999999999999999999");
  EXPECT_EQ(whole("9223372036854775808", at_least(0)),
            "must be at most 9223372036854775807, is 9223372036854775808");
  EXPECT_EQ(whole("-9223372036854775809"),
            "must be at least -9223372036854775808, is -9223372036854775809");
  EXPECT_EQ(whole("-9223372036854775809", at_least(0)),
            "must be at least 0, is -9223372036854775809");
}

TEST(ReadWhole, LongTextIsCut) { EXPECT_LT(whole(std::string(100'000, 'x')).size(), 200U); }

TEST(ReadWhole, StoresNothingThatIsWrong) {
  std::int64_t number = 3;
  EXPECT_TRUE(read_whole("0", at_least(1), number));
  EXPECT_TRUE(read_whole("many", {}, number));
  EXPECT_EQ(number, 3);
}

TEST(ReadNumber, TakesFractionsAndExponents) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"90.5", "90.5"}, {"1e-3", "0.001"}, {"010", "10"}, {"-2", "-2"}, {"25e9", "2.5e+10"}};
  for (const auto& [text, value] : cases) EXPECT_EQ(real(text), value) << text;
}

TEST(ReadNumber, RefusesWhatIsNotFinite) {
  for (const std::string text :
       {"nan", "inf", "-inf", "1e999", "0x1p3", "1,5", "soon", "1e", "5s"}) {
    EXPECT_EQ(real(text), "must be a finite number in decimal digits, is " + text);
  }
  EXPECT_EQ(real("0", above(0)), "must be above 0, is 0");
  EXPECT_EQ(real("1", {.low = 0.0, .high = 1.0, .without_high = true}),
            "must be at least 0 and below 1, is 1");
}

TEST(RangeText, NamesTheEndsThatThereAre) {
  EXPECT_EQ(Range().text(), "");
  EXPECT_EQ(at_least(0).text(), "at least 0");
  EXPECT_EQ(between(1e-6, 10).text(), "at least 1e-6 and at most 10");
  EXPECT_EQ(above(0).text(), "above 0");
}

}  // namespace
}  // namespace enas
