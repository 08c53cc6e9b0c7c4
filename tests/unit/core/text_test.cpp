// SPDX-License-Identifier: Apache-2.0
#include "core/text.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace enas {
namespace {

const std::vector<std::string> kKeys = {"batch_size", "dropout", "learning_rate", "lr", "seed"};

TEST(Text, ConcatAndJoin) {
  EXPECT_EQ(concat("a", 1, ' ', 2.5), "a1 2.5");
  EXPECT_EQ(join(std::vector<int>{1, 2, 3}, ", "), "1, 2, 3");
  EXPECT_EQ(join(std::vector<int>{}, ", "), "");
}

TEST(Text, Fixed) {
  EXPECT_EQ(fixed(1.25, 3), "1.250");
  EXPECT_EQ(fixed(-0.5, 1), "-0.5");
  EXPECT_EQ(fixed(1e6, 0), "1000000");
  EXPECT_EQ(fixed(-std::nan(""), 2), "nan");
}

TEST(Text, HumanBytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(100e6), "95.4 MiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 * 1024 - 1), "1.0 GiB");
}

TEST(Text, NearestFindsTypingErrors) {
  EXPECT_EQ(nearest("bacth_size", kKeys), "batch_size");
  EXPECT_EQ(nearest("learning_rat", kKeys), "learning_rate");
  EXPECT_EQ(nearest("learn_rate", kKeys), "learning_rate");
  EXPECT_EQ(nearest("sead", kKeys), "seed");
  EXPECT_EQ(nearest("rl", kKeys), "lr");
}

TEST(Text, NearestSaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("momentum", kKeys), "");
  EXPECT_EQ(nearest("ab", kKeys), "");
  EXPECT_EQ(nearest("", kKeys), "");
  EXPECT_EQ(nearest("seed", {}), "");
  EXPECT_EQ(nearest(std::string(100000, 'x'), kKeys), "");
}

TEST(Text, NearestPrefersTheSmallerDistance) {
  const std::vector<std::string> keys = {"rounds", "round"};
  EXPECT_EQ(nearest("roundd", std::span(keys)), "rounds");
  EXPECT_EQ(nearest("roun", std::span(keys)), "round");
}

}  // namespace
}  // namespace enas
