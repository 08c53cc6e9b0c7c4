// SPDX-License-Identifier: Apache-2.0
#include "search/reward.hpp"

#include <gtest/gtest.h>

namespace enas::search {
namespace {

TEST(Reward, FallsWithPerplexityAndIsCut) {
  RolloutOptions options;
  options.reward_scale = 80.0;
  options.reward_exponent = 2.0;
  options.reward_cap = 5.0;
  const task::Metric perplexity{task::Metric::Kind::perplexity, 0.0};
  EXPECT_NEAR(reward_of(options, perplexity, 8.0), 1.25, 1e-12);
  EXPECT_EQ(reward_of(options, perplexity, 2.0), 5.0);
}

TEST(Reward, IsTheAccuracyItself) {
  const task::Metric accuracy{task::Metric::Kind::accuracy, 0.0};
  for (const double value : {0.0, 0.375, 1.0}) EXPECT_EQ(reward_of({}, accuracy, value), value);
}

}  // namespace
}  // namespace enas::search
