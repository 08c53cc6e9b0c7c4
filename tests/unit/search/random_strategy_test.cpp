// SPDX-License-Identifier: Apache-2.0
// Uniform, addressed by step, and unmoved by rewards.
#include "search/random_strategy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "space/recurrent.hpp"

namespace enas::search {
namespace {

constexpr Address kAddress{Purpose::test, 3, 100};

space::SearchSpace small_space() {
  return space::recurrent_space(
      {.nodes = 3, .activations = {space::Activation::tanh, space::Activation::relu}});
}

TEST(RandomStrategy, IsUniform) {
  const auto space = small_space();
  const double size = 16;  // 2 functions, 1 * 2, 2 * 2
  EXPECT_NEAR(space.log_size(), std::log(size), 1e-12);
  constexpr int kDraws = 16000;
  std::map<space::Architecture, int> count;
  for (const auto& child : RandomStrategy(space, 5).propose(kDraws, kAddress)) {
    space.validate(child.tokens);
    EXPECT_EQ(child.space_id, space.id());
    ++count[child];
  }
  ASSERT_EQ(count.size(), 16U);
  double chi_squared = 0.0;
  for (const auto& [child, seen] : count) {
    const double excess = seen - kDraws / size;
    chi_squared += excess * excess / (kDraws / size);
  }
  EXPECT_LT(chi_squared, 37.7);  // 99.9 % quantile, 15 degrees of freedom
}

TEST(RandomStrategy, IsAddressedByStep) {
  const auto space = space::recurrent_space({});
  const RandomStrategy strategy(space, 5);
  const auto many = strategy.propose(6, kAddress);
  for (std::uint64_t i = 0; i < many.size(); ++i) {
    const Address own{Purpose::test, 3, 100 + i};
    EXPECT_EQ(strategy.propose(1, own).front(), many[i]);
  }
  EXPECT_NE(many[0], many[1]);
  EXPECT_NE(strategy.propose(1, {Purpose::test, 4, 100}).front(), many[0]);
  EXPECT_NE(strategy.propose(1, {Purpose::sample, 3, 100}).front(), many[0]);
  EXPECT_NE(RandomStrategy(space, 6).propose(1, kAddress).front(), many[0]);
  EXPECT_TRUE(strategy.propose(0, kAddress).empty());
}

TEST(RandomStrategy, KnowsItsProbabilities) {
  const auto space = small_space();
  const RandomStrategy strategy(space, 5);
  const auto child = strategy.propose(1, kAddress).front();
  EXPECT_NEAR(std::exp(strategy.log_probability(child)), 1.0 / 16.0, 1e-12);
  const auto entropy = strategy.decision_entropy({child});
  ASSERT_EQ(entropy.size(), 5U);
  const std::vector<double> choices = {2, 1, 2, 2, 2};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(entropy[i], std::log(choices[i]), 1e-12);
}

TEST(RandomStrategy, LearnsNothing) {
  const auto space = small_space();
  RandomStrategy strategy(space, 5);
  const auto before = strategy.propose(4, kAddress);
  std::vector<space::Rollout> rollouts;
  for (const auto& child : before) rollouts.push_back({child, 2.0, space::RolloutStatus::ok});
  const auto report = strategy.learn_on_root(rollouts, {1.0, 2.0, 3.0, 4.0});
  EXPECT_EQ(report.reward, (std::vector<double>{1.0, 2.0, 3.0, 4.0}));
  EXPECT_EQ(report.advantage, std::vector<double>(4, 0.0));
  EXPECT_EQ(report.entropy, std::vector<double>(4, space.max_entropy()));
  EXPECT_EQ(strategy.propose(4, kAddress), before);
  EXPECT_TRUE(strategy.state().empty());
}

}  // namespace
}  // namespace enas::search
