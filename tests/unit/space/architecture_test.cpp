// SPDX-License-Identifier: Apache-2.0
// Architectures as values: printing, parsing, comparing, hashing.
#include "space/architecture.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

#include "core/error.hpp"

namespace enas::space {
namespace {

TEST(Architecture, PrintsTokensSeparatedBySingleSpaces) {
  EXPECT_EQ((Architecture{"recurrent/2", {0, 0, 3}}.text()), "0 0 3");
  EXPECT_EQ((Architecture{"recurrent/1", {}}.text()), "");
}

TEST(Architecture, ComparesIdAndTokens) {
  const Architecture a{"recurrent/2", {0, 0, 3}};
  EXPECT_EQ(a, (Architecture{"recurrent/2", {0, 0, 3}}));
  EXPECT_NE(a, (Architecture{"recurrent/2", {0, 0, 2}}));
  EXPECT_NE(a, (Architecture{"recurrent/3", {0, 0, 3}}));
  EXPECT_LT((Architecture{"recurrent/2", {0, 0, 2}}), a);
}

TEST(Architecture, EqualOnesShareAHashAndOthersDiffer) {
  std::unordered_set<std::size_t> hashes;
  for (std::int32_t i = 0; i < 10; ++i) {
    for (std::int32_t j = 0; j < 10; ++j) {
      const Architecture architecture{"recurrent/2", {i, j}};
      hashes.insert(std::hash<Architecture>{}(architecture));
      EXPECT_TRUE(hashes.contains(std::hash<Architecture>{}(Architecture(architecture))));
    }
  }
  EXPECT_EQ(hashes.size(), 100U);
  EXPECT_NE(std::hash<Architecture>{}({"recurrent/2", {1}}),
            std::hash<Architecture>{}({"recurrent/3", {1}}));
}

TEST(Architecture, ParsesTokensAsPeopleHaveThem) {
  const std::vector<std::int32_t> tokens = {0, 12, 3, 1};
  EXPECT_EQ(tokens_from_text("0 12 3 1"), tokens);
  EXPECT_EQ(tokens_from_text(" [ 0\t12 |3\r\n 1]\n"), tokens);
  EXPECT_EQ(tokens_from_text("[[0 12][3]] 1|"), tokens);
  EXPECT_TRUE(tokens_from_text("").empty());
  EXPECT_TRUE(tokens_from_text("[ | ]").empty());
}

TEST(Architecture, NamesWhatIsNoToken) {
  const auto refusal = [](std::string_view text) -> std::string {
    try {
      tokens_from_text(text);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal("0 1 x2 3").find("'x2' after 2 tokens is no token"), 0U);
  EXPECT_EQ(refusal("1.5").find("'1.5' after 0"), 0U);
  EXPECT_EQ(refusal("1,2").find("'1,2' after 0"), 0U);
  EXPECT_EQ(refusal("4 99999999999").find("'99999999999' after 1"), 0U);
}

}  // namespace
}  // namespace enas::space
