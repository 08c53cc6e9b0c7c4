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
  EXPECT_EQ(nearest("learningrates", kKeys), "learning_rate");
  EXPECT_EQ(nearest("sead", kKeys), "seed");
  EXPECT_EQ(nearest("esed", kKeys), "seed");
  EXPECT_EQ(nearest("Batch-Size", kKeys), "batch_size");
}

TEST(Text, NearestSaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("momentum", kKeys), "");
  EXPECT_EQ(nearest("ab", kKeys), "");
  EXPECT_EQ(nearest("", kKeys), "");
  EXPECT_EQ(nearest("seed", {}), "");
  EXPECT_EQ(nearest(std::string(100000, 'x'), kKeys), "");
}

/// Words that mean another thing although they look alike.
TEST(Text, NearestIsForTypingErrorsOnly) {
  const std::vector<std::string> words = {"sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "cpu",
                                          "bfloat16",     "float32",      "lr_min",       "tanh"};
  for (const char* other :
       {"dil_conv_3x3", "dil_conv_5x5", "sep_conv_7x7", "sep_conv_3x5", "max_pool_3x3", "conv_3x3",
        "gpu", "tpu", "float16", "float64", "lr_max", "sinh", "learn_rate"}) {
    EXPECT_EQ(nearest(other, words), "") << other;
  }
  EXPECT_EQ(nearest("learn_rate", kKeys), "");
  EXPECT_EQ(nearest("conv3x3", std::vector<std::string>{"conv_3x3"}), "conv_3x3");
  EXPECT_EQ(nearest("spe_conv_3x3", words), "sep_conv_3x3");
  EXPECT_EQ(nearest("Tanh", words), "tanh");
}

TEST(Text, NearestPrefersTheSmallerDistance) {
  const std::vector<std::string> keys = {"rounds", "round"};
  EXPECT_EQ(nearest("roundd", std::span(keys)), "rounds");
  EXPECT_EQ(nearest("roun", std::span(keys)), "round");
}

}  // namespace
}  // namespace enas
