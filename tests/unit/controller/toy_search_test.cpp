// SPDX-License-Identifier: Apache-2.0
// A toy search: a table of rewards with a known best child, which REINFORCE finds and uniform
// sampling does not.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>

#include "controller/controller.hpp"
#include "controller/reinforce.hpp"
#include "small_spaces.hpp"

namespace enas::controller {
namespace {

constexpr std::size_t kBest = 9;  // its last node reads node 0, against the distance penalty
constexpr std::uint64_t kRollouts = 10;
constexpr std::uint64_t kSteps = 300;

// Rewards of 16 architectures: 0.025 .. 0.4 in scrambled order, and 1 for the best.
double reward_of(const std::vector<space::Architecture>& all,
                 const space::Architecture& architecture) {
  const auto found = std::find(all.begin(), all.end(), architecture);
  const auto place = static_cast<std::size_t>(found - all.begin());
  return place == kBest ? 1.0 : 0.025 * static_cast<double>(1 + (place * 7 + 3) % 16);
}

// Three thousand samples, ten an update. Returns how many of them were the best child.
int search(Controller& controller, const ReinforceOptions& options, std::uint64_t seed) {
  Reinforce reinforce(controller, options);
  const auto all = all_architectures(controller.space());
  int times_best = 0;
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    std::vector<ScoredArchitecture> batch;
    for (const auto& architecture : controller.sample(
             consecutive_steps({.purpose = Purpose::rollout, .step = kRollouts * step}, kRollouts),
             seed)) {
      batch.push_back({architecture, reward_of(all, architecture)});
      if (architecture == all[kBest]) ++times_best;
    }
    reinforce.update(batch);
  }
  return times_best;
}

double probability_of_best(const Controller& controller) {
  return probabilities(controller, all_architectures(controller.space()))[kBest];
}

TEST(ToySearch, ReinforceFindsTheBestChild) {
  ASSERT_EQ(all_architectures(two_function_space(3)).size(), 16U);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Controller controller(two_function_space(3), {.hidden = 32}, seed);
    EXPECT_LT(probability_of_best(controller), 0.1);
    search(controller, {.lr = 0.01, .baseline_decay = 0.9}, seed);
    EXPECT_GT(probability_of_best(controller), 0.9) << "seed " << seed;
    if (seed == 1) {  // recorded, so that no change of the learning rule goes unseen
      EXPECT_NEAR(probability_of_best(controller), 0.947257, 1e-4);
    }
  }
}

TEST(ToySearch, UniformSamplingStaysUniform) {
  Controller controller(two_function_space(3, 0.0), {.hidden = 32}, 1);
  set_theta_to_zero(controller);
  const int times_best = search(controller, {.lr = 0.0}, 1);
  EXPECT_NEAR(probability_of_best(controller), 1.0 / 16.0, 1e-7);
  // Mean 187.5, standard deviation 13.3: within four of them.
  EXPECT_NEAR(times_best, 187.5, 53.0);
}

}  // namespace
}  // namespace enas::controller
