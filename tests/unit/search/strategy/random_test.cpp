// SPDX-License-Identifier: Apache-2.0
// Uniform, addressed by step, and unmoved by rewards.
#include "search/strategy/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "space/macro.hpp"
#include "space/micro.hpp"
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

TEST(RandomStrategy, BitsOfASubsetAreUniform) {
  // Three layers of two operations: tokens 0, 1 and 3 are operations, 2, 4 and 5 bits.
  const auto space = space::macro_space(
      {.layers = 3, .operations = {space::Operation::conv_3x3, space::Operation::max_pool_3x3}});
  const RandomStrategy strategy(space, 5);
  constexpr int kDraws = 16000;
  std::map<space::Architecture, int> count;
  for (const auto& child : strategy.propose(kDraws, kAddress)) {
    space.validate(child.tokens);
    ++count[child];
  }
  ASSERT_EQ(count.size(), 64U);
  double chi_squared = 0.0;
  for (const auto& [child, seen] : count) {
    const double excess = seen - kDraws / 64.0;
    chi_squared += excess * excess / (kDraws / 64.0);
  }
  EXPECT_LT(chi_squared, 103.5);  // 99.9 % quantile, 63 degrees of freedom
  EXPECT_NEAR(std::exp(strategy.log_probability(count.begin()->first)), 1.0 / 64.0, 1e-12);
}

TEST(RandomStrategy, DrawsEveryOptionAndBitOfThePapersMacroSpace) {
  const auto space = space::macro_space({});
  std::vector<std::int64_t> operations(6, 0);
  std::int64_t ones = 0;
  std::int64_t bits = 0;
  for (const auto& child : RandomStrategy(space, 5).propose(2000, kAddress)) {
    space.validate(child.tokens);
    for (const auto& decision : space.decisions()) {
      if (decision.kind == space::DecisionKind::none) continue;
      for (int i = 0; i < decision.num_tokens(); ++i) {
        const auto token = child.tokens[static_cast<std::size_t>(decision.token + i)];
        if (decision.kind == space::DecisionKind::option) {
          ++operations[static_cast<std::size_t>(token)];
        } else {
          ones += token;
          ++bits;
        }
      }
    }
  }
  EXPECT_EQ(bits, 2000 * 66);
  EXPECT_NEAR(static_cast<double>(ones), 66000.0, 4.0 * std::sqrt(2000.0 * 66.0 / 4.0));
  for (const auto seen : operations) {
    EXPECT_NEAR(static_cast<double>(seen), 4000.0, 4.0 * std::sqrt(24000.0 * 5.0 / 36.0));
  }
}

TEST(RandomStrategy, EntropySumsToTheSpaces) {
  for (const auto& space :
       {small_space(), space::macro_space({.layers = 5}), space::micro_space({})}) {
    const RandomStrategy strategy(space, 5);
    const auto entropy = strategy.decision_entropy(strategy.propose(2, kAddress));
    EXPECT_EQ(entropy.size(), static_cast<std::size_t>(space.num_tokens()));
    EXPECT_NEAR(std::accumulate(entropy.begin(), entropy.end(), 0.0), space.max_entropy(), 1e-9)
        << space.id();
  }
  // Layer 2 of a macro space: one of six operations, two bits.
  const auto space = space::macro_space({.layers = 3});
  const auto entropy = RandomStrategy(space, 5).decision_entropy({});
  const std::vector<double> choices = {6, 6, 2, 6, 2, 2};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(entropy[i], std::log(choices[i]), 1e-12);
}

TEST(RandomStrategy, LearnsNothing) {
  const auto space = small_space();
  RandomStrategy strategy(space, 5);
  const auto before = strategy.propose(4, kAddress);
  std::vector<space::Rollout> rollouts;
  for (const auto& child : before) {
    rollouts.push_back({child, 2.0, std::exp(2.0), space::RolloutStatus::ok});
  }
  const auto report = strategy.learn_on_root(rollouts, {1.0, 2.0, 3.0, 4.0});
  EXPECT_EQ(report.reward, (std::vector<double>{1.0, 2.0, 3.0, 4.0}));
  EXPECT_EQ(report.advantage, std::vector<double>(4, 0.0));
  EXPECT_EQ(report.entropy, std::vector<double>(4, space.max_entropy()));
  EXPECT_EQ(strategy.propose(4, kAddress), before);
  EXPECT_TRUE(strategy.state().empty());
}

}  // namespace
}  // namespace enas::search
