// SPDX-License-Identifier: Apache-2.0
// Architectures as values: printing, comparing, hashing.
#include "space/architecture.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

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

}  // namespace
}  // namespace enas::space
