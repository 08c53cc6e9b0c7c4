// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace enas::bench {
namespace {

TEST(Timing, MinimumAndMedianOfAnOddNumber) {
  const Timing timing = timing_of({0.5, 0.2, 0.4});
  EXPECT_EQ(timing.min_s, 0.2);
  EXPECT_EQ(timing.median_s, 0.4);
  EXPECT_EQ(median_repeat({0.5, 0.2, 0.4}), 2U);
}

TEST(Timing, OfAnEvenNumberTheSmallerInTheMiddle) {
  EXPECT_EQ(timing_of({4.0, 1.0, 3.0, 2.0}).median_s, 2.0);
  EXPECT_EQ(median_repeat({4.0, 1.0, 3.0, 2.0}), 3U);
  EXPECT_EQ(timing_of({7.0}).median_s, 7.0);
}

TEST(Timing, NeedsARepeat) { EXPECT_THROW(median_repeat({}), ContractError); }

}  // namespace
}  // namespace enas::bench
