// SPDX-License-Identifier: Apache-2.0
// Rewards, baseline, gradient and Adam of one update, each against hand-made values or LibTorch's
// own.
#include "controller/reinforce.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "small_spaces.hpp"

namespace enas::controller {
namespace {

using Rewards = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<ScoredArchitecture> scored(const Controller& controller, const Rewards& rewards,
                                       std::uint64_t step = 0) {
  const auto sampled =
      controller.sample(consecutive_steps({.purpose = Purpose::test, .step = 1000 * step},
                                          static_cast<std::int64_t>(rewards.size())),
                        1);
  std::vector<ScoredArchitecture> batch;
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    batch.push_back({sampled[i], rewards[i], std::isfinite(rewards[i])});
  }
  return batch;
}

std::vector<at::Tensor> theta_of(const Controller& controller) {
  std::vector<at::Tensor> theta;
  for (const Parameter& parameter : controller.parameters()) theta.push_back(parameter.value);
  return theta;
}

std::vector<at::Tensor> copy_of(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> copies;
  for (const at::Tensor& tensor : tensors) copies.push_back(tensor.detach().clone());
  return copies;
}

bool all_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i].equal(b[i])) return false;
  }
  return a.size() == b.size();
}

void expect_near(const Rewards& values, const Rewards& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-12) << i;
}

TEST(Reinforce, BaselineMovesBeforeEachAdvantage) {
  Controller controller(two_function_space(3), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {.entropy_weight = 0.0, .baseline_decay = 0.75});
  const ReinforceStep first = reinforce.update(scored(controller, {1.0, 0.0, 3.0}));
  expect_near(first.baseline, {1.0, 0.75, 1.3125});
  expect_near(first.advantage, {0.0, -0.75, 1.6875});
  expect_near(first.reward, {1.0, 0.0, 3.0});
  const ReinforceStep second = reinforce.update(scored(controller, {1.3125, 5.3125}));
  expect_near(second.baseline, {1.3125, 2.3125});
  expect_near(second.advantage, {0.0, 3.0});
  EXPECT_EQ(reinforce.state().baseline, 2.3125);
  EXPECT_EQ(reinforce.state().adam_steps, 2);
}

TEST(Reinforce, EntropyBonusEntersRewardAndBaseline) {
  Controller controller(two_function_space(3), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {.entropy_weight = 0.5, .baseline_decay = 0.5});
  const auto batch = scored(controller, {1.0, 2.0});
  const auto entropy = [&] {
    const torch::NoGradGuard no_grad;
    std::vector<space::Architecture> architectures = {batch[0].architecture, batch[1].architecture};
    return to_doubles(controller.evaluate(architectures).entropy);
  }();
  const ReinforceStep step = reinforce.update(batch);
  ASSERT_GT(entropy[0], 2.0);
  expect_near(step.entropy, entropy);
  expect_near(step.reward, {1.0 + 0.5 * entropy[0], 2.0 + 0.5 * entropy[1]});
  EXPECT_EQ(step.baseline[0], step.reward[0]);
  EXPECT_NEAR(step.baseline[1], 0.5 * (step.reward[0] + step.reward[1]), 1e-12);
  EXPECT_EQ(step.decision_entropy.size(), 5U);
  EXPECT_EQ(step.skip_penalty, 0.0);
}

TEST(Reinforce, UnusableArchitecturesLearnFromTheWorstAndLeaveTheBaseline) {
  Controller controller(two_function_space(3), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {.entropy_weight = 0.0, .baseline_decay = 0.5});
  const ReinforceStep step = reinforce.update(scored(controller, {kNan, 4.0, kNan, 2.0, kNan}));
  expect_near(step.reward, {2.0, 4.0, 2.0, 2.0, 2.0});
  expect_near(step.baseline, {4.0, 4.0, 4.0, 3.0, 3.0});
  expect_near(step.advantage, {-2.0, 0.0, -2.0, -1.0, -1.0});
}

TEST(Reinforce, NothingUsableChangesNothing) {
  Controller controller(two_operation_macro_space(3), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {});
  reinforce.update(scored(controller, {1.0, 2.0}));
  const auto theta = copy_of(theta_of(controller));
  const double baseline = reinforce.state().baseline;
  const ReinforceStep step = reinforce.update(scored(controller, {kNan, kNan}));
  EXPECT_GT(step.skip_penalty, 0.0);
  EXPECT_EQ(step.gradient_norm, 0.0);
  EXPECT_EQ(step.advantage, (Rewards{0.0, 0.0}));
  EXPECT_TRUE(std::isnan(step.reward[1]));
  EXPECT_EQ(reinforce.state().adam_steps, 1);
  EXPECT_EQ(reinforce.state().baseline, baseline);
  EXPECT_TRUE(all_equal(theta_of(controller), theta));
}

TEST(Reinforce, RefusesAUsableRewardThatIsNotFinite) {
  Controller controller(two_function_space(3), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {});
  auto batch = scored(controller, {1.0});
  batch[0].reward = kNan;
  EXPECT_THROW(reinforce.update(batch), ContractError);
}

void widen_to_double(const Controller& controller) {
  for (const at::Tensor& value : theta_of(controller)) {
    value.set_data(value.detach().to(torch::kFloat64));
  }
}

// Twenty steps of LibTorch's Adam on −mean(log π · advantage) + 0.8 · skip penalty, from the same
// θ. In double precision, because Adam turns the rounding of tiny gradients into whole steps.
void expect_same_as_libtorch(const space::SearchSpace& space, double beta1, double epsilon) {
  constexpr double kLr = 0.01;
  Controller ours(space, {.hidden = 12, .init_range = 1.0}, 3);
  Controller theirs(space, {.hidden = 12, .init_range = 1.0}, 3);
  widen_to_double(ours);
  widen_to_double(theirs);
  Reinforce reinforce(ours, {.lr = kLr, .adam_beta1 = beta1, .adam_epsilon = epsilon});
  torch::optim::Adam adam(
      theta_of(theirs),
      torch::optim::AdamOptions(kLr).betas(std::make_tuple(beta1, 0.999)).eps(epsilon));
  const auto initial = copy_of(theta_of(ours));
  for (std::uint64_t step = 0; step < 20; ++step) {
    const double wave = std::sin(static_cast<double>(step));
    const auto batch = scored(ours, {wave, 1.0, 0.3 - wave, 2.0}, step);
    const ReinforceStep done = reinforce.update(batch);

    std::vector<space::Architecture> architectures;
    for (const auto& member : batch) architectures.push_back(member.architecture);
    adam.zero_grad();
    const Evaluation evaluation = theirs.evaluate(architectures);
    const at::Tensor advantage = torch::tensor(done.advantage, torch::kFloat64);
    const at::Tensor penalty = evaluation.skip_penalty.mean();
    EXPECT_NEAR(done.skip_penalty, penalty.item<double>(), 1e-12);
    (0.8 * penalty - (evaluation.log_probability * advantage).mean()).backward();
    double squares = 0.0;
    for (const at::Tensor& value : theta_of(theirs)) {
      squares += value.grad().square().sum().item<double>();
    }
    EXPECT_NEAR(done.gradient_norm, std::sqrt(squares), 1e-9 * done.gradient_norm);
    adam.step();
  }
  for (std::size_t i = 0; i < initial.size(); ++i) {
    const torch::NoGradGuard no_grad;
    const double moved = (theta_of(ours)[i] - initial[i]).abs().max().item<double>();
    const double apart = (theta_of(ours)[i] - theta_of(theirs)[i]).abs().max().item<double>();
    EXPECT_GT(moved, 0.001) << ours.parameters()[i].name;
    EXPECT_LT(apart, 1e-10) << ours.parameters()[i].name;
  }
}

TEST(Reinforce, AdamAgreesWithLibTorch) {
  expect_same_as_libtorch(space::recurrent_space({.nodes = 4}), 0.9, 1e-8);
}

TEST(Reinforce, AdamWithoutMomentumAgreesWithLibTorch) {
  expect_same_as_libtorch(space::recurrent_space({.nodes = 4}), 0.0, 1e-3);
}

TEST(Reinforce, SkipPenaltyEntersTheLossWithItsGradient) {
  expect_same_as_libtorch(space::macro_space({.layers = 4}), 0.9, 1e-8);
}

TEST(Reinforce, LearntOptionBiasMovesLikeAnyOtherTensor) {
  expect_same_as_libtorch(space::micro_space({.nodes = 4}), 0.0, 1e-3);
}

// Equal rewards, so that nothing but the penalty has a gradient.
TEST(Reinforce, SkipPenaltyAlonePullsTheRateToItsTarget) {
  for (const auto& [penalty, known] :
       {std::pair{SkipPenalty::sampled, 0.4}, std::pair{SkipPenalty::released, 4.0 / 13.0}}) {
    Controller controller(skip_space(3), {.hidden = 8, .skip_penalty = penalty}, 1);
    Reinforce reinforce(controller, {.lr = 0.05, .entropy_weight = 0.0});
    std::vector<ScoredArchitecture> batch;
    for (const auto& architecture : all_architectures(controller.space())) {
      batch.push_back({architecture, 1.0});
    }
    const double first = reinforce.update(batch).skip_penalty;
    for (int i = 0; i < 200; ++i) reinforce.update(batch);
    const ReinforceStep last = reinforce.update(batch);
    EXPECT_NEAR(first, 1.5 * 0.020411, 0.01);  // three bits in two layers, near x = 0
    EXPECT_LT(last.skip_penalty, 1e-5);
    EXPECT_EQ(last.advantage, Rewards(8, 0.0));
    const auto probability = probabilities(controller, all_architectures(controller.space()));
    // The last token is the last bit: neighbours differ in it alone.
    for (std::size_t i = 0; i < 8; i += 2) {
      EXPECT_NEAR(probability[i + 1] / (probability[i] + probability[i + 1]), known, 0.003) << i;
    }
  }
}

TEST(Reinforce, BetterBitsBecomeLikelier) {
  for (const bool skips_pay : {true, false}) {
    Controller controller(skip_space(3), {.hidden = 16}, 1);
    Reinforce reinforce(controller, {.lr = 0.01, .skip_weight = 0.0, .baseline_decay = 0.9});
    const auto all = all_architectures(controller.space());
    const space::Architecture& best = skips_pay ? all.back() : all.front();
    EXPECT_LT(probabilities(controller, {best}).at(0), 0.2);
    for (std::uint64_t step = 0; step < 150; ++step) {
      std::vector<ScoredArchitecture> batch;
      for (const auto& architecture : controller.sample(
               consecutive_steps({.purpose = Purpose::test, .step = 8 * step}, 8), 1)) {
        const auto& tokens = architecture.tokens;
        const double num_skips = tokens[2] + tokens[4] + tokens[5];
        batch.push_back({architecture, skips_pay ? num_skips : -num_skips});
      }
      reinforce.update(batch);
    }
    EXPECT_GT(probabilities(controller, {best}).at(0), 0.9);
  }
}

TEST(Reinforce, ZeroLearningRateKeepsTheDistribution) {
  Controller controller(two_function_space(3), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {.lr = 0.0});
  const auto theta = copy_of(theta_of(controller));
  for (std::uint64_t step = 0; step < 5; ++step) {
    EXPECT_GT(reinforce.update(scored(controller, {1.0, 2.0, 0.0}, step)).gradient_norm, 0.0);
  }
  EXPECT_TRUE(all_equal(theta_of(controller), theta));
}

TEST(Reinforce, GradientModeRaisesEntropyWithEqualRewards) {
  Controller controller(two_function_space(3), {.hidden = 8, .init_range = 1.0}, 1);
  Reinforce reinforce(controller,
                      {.lr = 0.01, .entropy_weight = 1.0, .entropy_mode = EntropyMode::gradient});
  const auto batch = scored(controller, {1.0, 1.0, 1.0, 1.0});
  const ReinforceStep before = reinforce.update(batch);
  EXPECT_EQ(before.reward, (Rewards{1.0, 1.0, 1.0, 1.0}));
  for (int i = 0; i < 20; ++i) reinforce.update(batch);
  const ReinforceStep after = reinforce.update(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_GT(after.entropy[i], before.entropy[i]);
}

TEST(Reinforce, RewardModeHasNoEntropyGradient) {
  Controller controller(two_function_space(3), {.hidden = 8, .init_range = 1.0}, 1);
  Reinforce reinforce(controller, {.entropy_weight = 1.0});
  // One architecture: the baseline starts at its reward, so its advantage is zero.
  EXPECT_EQ(reinforce.update(scored(controller, {1.0})).gradient_norm, 0.0);
}

TEST(Reinforce, StateAndThetaAreAllThatTheNextUpdateNeeds) {
  const space::SearchSpace space = two_function_space(3);
  Controller first(space, {.hidden = 8}, 1);
  Reinforce one(first, {.lr = 0.01});
  for (std::uint64_t step = 0; step < 3; ++step) one.update(scored(first, {1.0, 2.0}, step));

  Controller second(space, {.hidden = 8}, 99);
  Reinforce other(second, {.lr = 0.01});
  {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < theta_of(first).size(); ++i) {
      theta_of(second)[i].copy_(theta_of(first)[i]);
      other.state().first_moment[i].value.copy_(one.state().first_moment[i].value);
      other.state().second_moment[i].value.copy_(one.state().second_moment[i].value);
    }
  }
  other.state().adam_steps = one.state().adam_steps;
  other.state().baseline = one.state().baseline;
  other.state().has_baseline = one.state().has_baseline;
  one.update(scored(first, {0.5, 2.5}, 3));
  other.update(scored(second, {0.5, 2.5}, 3));
  EXPECT_TRUE(all_equal(theta_of(first), theta_of(second)));
  EXPECT_EQ(one.state().baseline, other.state().baseline);
}

TEST(Reinforce, SingleNodeCellLearnsWithoutAttention) {
  Controller controller(two_function_space(1), {.hidden = 8}, 1);
  Reinforce reinforce(controller, {.lr = 0.01});
  EXPECT_GT(reinforce.update(scored(controller, {1.0, 2.0, 0.0})).gradient_norm, 0.0);
}

TEST(Reinforce, RefusesImpossibleOptions) {
  Controller controller(two_function_space(3), {.hidden = 8}, 1);
  EXPECT_THROW(Reinforce(controller, {.lr = -1.0}), ConfigError);
  EXPECT_THROW(Reinforce(controller, {.adam_beta1 = 1.0}), ConfigError);
  EXPECT_THROW(Reinforce(controller, {.adam_epsilon = 0.0}), ConfigError);
  EXPECT_THROW(Reinforce(controller, {.baseline_decay = 1.5}), ConfigError);
  EXPECT_THROW(Reinforce(controller, {.entropy_weight = kNan}), ConfigError);
  EXPECT_THROW(Reinforce(controller, {.skip_weight = -0.1}), ConfigError);
  EXPECT_THROW(Reinforce(controller, {.skip_weight = kNan}), ConfigError);
}

}  // namespace
}  // namespace enas::controller
