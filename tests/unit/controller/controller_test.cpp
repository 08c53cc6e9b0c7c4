// SPDX-License-Identifier: Apache-2.0
// Sizes of θ, entropies, sampling against scoring, replay by address, gradients of
// log-probabilities.
#include "controller/controller.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "small_spaces.hpp"

namespace enas::controller {
namespace {

using space::Activation;
using space::Architecture;
using space::FirstNode;

constexpr Address kAddress{.purpose = Purpose::test, .index = 3, .step = 40};

TEST(Controller, HasTheKnownNumbersOfParameters) {
  const space::SearchSpace four = space::recurrent_space({});
  EXPECT_EQ(Controller(four, {.hidden = 100}, 1).num_parameters(), 101000);
  EXPECT_EQ(Controller(two_function_space(12), {.hidden = 100}, 1).num_parameters(), 100600);
  EXPECT_EQ(Controller(four, {.hidden = 64}, 1).num_parameters(), 41600);
  const space::SearchSpace fixed =
      space::recurrent_space({.nodes = 9, .first_node = FirstNode::tanh});
  EXPECT_EQ(Controller(fixed, {.hidden = 64, .tie_embeddings = true}, 1).num_parameters(), 41344);
}

TEST(Controller, DrawsThetaFromItsSeedWithinTheRange) {
  const space::SearchSpace space = two_function_space(3);
  const Controller a(space, {.init_range = 0.01}, 5);
  const Controller b(space, {.init_range = 0.01}, 5);
  const Controller c(space, {.init_range = 0.01}, 6);
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    const at::Tensor& value = a.parameters()[i].value;
    EXPECT_TRUE(value.equal(b.parameters()[i].value)) << a.parameters()[i].name;
    EXPECT_FALSE(value.equal(c.parameters()[i].value)) << a.parameters()[i].name;
    EXPECT_LE(value.abs().max().item<double>(), 0.01);
    EXPECT_GT(value.abs().max().item<double>(), 0.009);
    EXPECT_TRUE(value.requires_grad());
  }
}

TEST(Controller, RefusesImpossibleOptions) {
  const space::SearchSpace space = two_function_space(3);
  EXPECT_THROW(Controller(space, {.hidden = 0}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.temperature = -1.0}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.tanh_constant = std::nan("")}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.init_range = -0.1}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.option_tanh_divisor = 0.0}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.skip_target = 0.0}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.skip_target = 1.0}, 1), ConfigError);
  EXPECT_THROW(Controller(space, {.skip_target = std::nan("")}, 1), ConfigError);
}

TEST(Controller, EntropyAtZeroWeightsIsMaximal) {
  for (const auto& [penalty, known] : {std::pair{0.0, 34.138}, std::pair{1.0 / 6.0, 27.512}}) {
    const space::SearchSpace space = space::recurrent_space({.distance_penalty = penalty});
    const Controller controller(space, {}, 1);
    set_theta_to_zero(controller);
    const std::vector<Architecture> sampled = controller.sample(consecutive_steps(kAddress, 2), 1);
    const Evaluation evaluation = controller.evaluate(sampled);
    EXPECT_NEAR(evaluation.entropy[0].item<double>(), known, 5e-4);
    EXPECT_NEAR(evaluation.entropy[1].item<double>(), known, 5e-4);

    ASSERT_EQ(evaluation.decision_entropy.sizes(), at::IntArrayRef({23}));
    EXPECT_NEAR(evaluation.decision_entropy.sum().item<double>(), known, 5e-4);
    EXPECT_NEAR(evaluation.decision_entropy[0].item<double>(), std::log(4.0), 1e-6);
    EXPECT_EQ(evaluation.decision_entropy[1].item<double>(), 0.0);  // one candidate
    EXPECT_NEAR(evaluation.decision_entropy[2].item<double>(), std::log(4.0), 1e-6);
  }
}

TEST(Controller, EntropyIsTheExpectationOfMinusLogProbability) {
  const Controller controller(two_function_space(3), {.hidden = 16, .init_range = 1.0}, 2);
  const auto all = all_architectures(controller.space());
  const Evaluation evaluation = controller.evaluate(all);
  const auto log_probability = to_doubles(evaluation.log_probability);
  const auto entropy = to_doubles(evaluation.entropy);
  double of_probabilities = 0.0;
  double of_evaluation = 0.0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    of_probabilities -= std::exp(log_probability[i]) * log_probability[i];
    of_evaluation += std::exp(log_probability[i]) * entropy[i];
  }
  EXPECT_NEAR(of_evaluation, of_probabilities, 1e-5);
  EXPECT_LT(of_evaluation, controller.space().max_entropy() - 0.01);
}

TEST(Controller, ProbabilitiesOfAWholeSpaceSumToOne) {
  for (const bool tied : {false, true}) {
    for (const FirstNode first_node : {FirstNode::sampled, FirstNode::tanh}) {
      const space::SearchSpace space =
          space::recurrent_space({.nodes = 3,
                                  .activations = {Activation::identity, Activation::sigmoid},
                                  .first_node = first_node});
      const Controller controller(space, {.hidden = 16, .tie_embeddings = tied, .init_range = 1.0},
                                  3);
      const auto all = all_architectures(space);
      EXPECT_EQ(std::to_string(all.size()), space.size_text());
      const auto values = probabilities(controller, all);
      EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1.0, 1e-5);
    }
  }
}

TEST(Controller, SamplesWithTheProbabilitiesThatItScores) {
  const Controller controller(two_function_space(3, 0.02),
                              {.hidden = 16, .temperature = 1.0, .init_range = 1.0}, 4);
  const auto all = all_architectures(controller.space());
  const auto expected = probabilities(controller, all);
  const double chi_square = chi_square_of_samples(controller, consecutive_steps(kAddress, 20000));
  // 15 degrees of freedom: one seed in a thousand would be above 37.7.
  EXPECT_LT(chi_square, 37.7);
  EXPECT_GT(*std::max_element(expected.begin(), expected.end()), 0.1) << "too uniform to tell";
}

TEST(Controller, ZeroThetaSamplesUniformly) {
  const Controller controller(two_function_space(3, 0.0), {}, 4);
  set_theta_to_zero(controller);
  for (const double value : probabilities(controller, all_architectures(controller.space()))) {
    EXPECT_NEAR(value, 1.0 / 16.0, 1e-7);
  }
}

TEST(Controller, MemberOfABatchReplaysAlone) {
  const Controller controller(space::recurrent_space({}), {}, 5);
  const auto batch = controller.sample(consecutive_steps(kAddress, 20), 9);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Address address = kAddress;
    address.step += i;
    EXPECT_EQ(controller.sample({address}, 9).at(0), batch[i]) << i;
  }
  EXPECT_NE(batch[0], batch[1]);
  EXPECT_NE(controller.sample(consecutive_steps(kAddress, 20), 10), batch);
  Address other = kAddress;
  ++other.index;
  EXPECT_NE(controller.sample(consecutive_steps(other, 20), 9), batch);
  EXPECT_TRUE(controller.sample(consecutive_steps(kAddress, 0), 9).empty());
}

TEST(Controller, ABatchTakesAnyAddresses) {
  for (const auto& space :
       {space::recurrent_space({}), space::macro_space({}), space::micro_space({})}) {
    const Controller controller(space, {.hidden = 32}, 5);
    std::vector<Address> addresses =
        consecutive_indices({.purpose = Purpose::rollout, .step = 7}, 10);
    addresses.push_back(addresses[3]);
    addresses.push_back({.purpose = Purpose::validation_children, .step = 7, .tensor = 1});
    const auto batch = controller.sample(addresses, 9);
    ASSERT_EQ(batch.size(), addresses.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(controller.sample({addresses[i]}, 9).at(0), batch[i]) << i;
    }
    EXPECT_EQ(batch[10], batch[3]);
    EXPECT_NE(batch[0], batch[1]);
    EXPECT_NE(batch[0], batch[11]);
  }
}

TEST(Controller, EveryKindOfRecurrentSpaceGivesValidTokens) {
  for (const FirstNode first_node : {FirstNode::sampled, FirstNode::tanh}) {
    for (const int nodes : {1, 2, 12}) {
      if (nodes == 1 && first_node == FirstNode::tanh) continue;
      const space::RecurrentSpaceOptions options{.nodes = nodes, .first_node = first_node};
      const Controller controller(space::recurrent_space(options), {.init_range = 1.0}, 6);
      for (const Architecture& architecture :
           controller.sample(consecutive_steps(kAddress, 50), 1)) {
        EXPECT_NO_THROW(space::recurrent_cell(options, architecture));
      }
    }
  }
}

TEST(Controller, DivergedThetaIsAnErrorThatSaysSo) {
  const Controller controller(space::recurrent_space({}), {}, 5);
  {
    const torch::NoGradGuard no_grad;
    controller.parameters().front().value.fill_(std::numeric_limits<float>::quiet_NaN());
  }
  try {
    controller.sample(consecutive_steps(kAddress, 3), 1);
    FAIL() << "sampled from NaN";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code(), ExitCode::diverged);
    EXPECT_NE(std::string(error.what()).find("'node 0 function'"), std::string::npos);
  }
}

TEST(Controller, RefusesArchitecturesOfOtherSpaces) {
  const Controller controller(two_function_space(2), {}, 1);
  EXPECT_THROW(controller.evaluate({{"recurrent/3", {0, 0, 0}}}), ContractError);
  EXPECT_THROW(controller.evaluate({{"recurrent/2", {0, 0, 2}}}), InputError);
  EXPECT_THROW(controller.evaluate({}), ContractError);
}

// In double precision, along a random direction for each tensor of θ.
void expect_right_gradients(const space::SearchSpace& space, const ControllerOptions& options) {
  const Controller controller(space, options, 8);
  torch::manual_seed(1);
  std::vector<at::Tensor> theta;
  for (const Parameter& parameter : controller.parameters()) {
    parameter.value.set_data(parameter.value.detach().to(torch::kFloat64));
    theta.push_back(parameter.value);
  }
  const auto sampled = controller.sample(consecutive_steps(kAddress, 5), 1);
  const auto scalar = [&] {
    const Evaluation evaluation = controller.evaluate(sampled);
    return (evaluation.log_probability + 0.3 * evaluation.entropy + 0.7 * evaluation.skip_penalty)
        .sum();
  };
  const auto gradients = torch::autograd::grad({scalar()}, theta);
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const torch::NoGradGuard no_grad;
    const at::Tensor direction = torch::randn_like(theta[i]);
    constexpr double kStep = 1e-5;
    theta[i].add_(direction, kStep);
    const double above = scalar().item<double>();
    theta[i].add_(direction, -2.0 * kStep);
    const double below = scalar().item<double>();
    theta[i].add_(direction, kStep);
    const double slope = (gradients[i] * direction).sum().item<double>();
    EXPECT_NEAR((above - below) / (2.0 * kStep), slope, 1e-7 * (1.0 + std::abs(slope)))
        << controller.parameters()[i].name;
    EXPECT_GT(std::abs(slope), 1e-4) << controller.parameters()[i].name;
  }
}

TEST(Controller, GradientsAgreeWithFiniteDifferences) {
  for (const bool tied : {false, true}) {
    expect_right_gradients(space::recurrent_space({.nodes = 4}),
                           {.hidden = 12, .tie_embeddings = tied, .init_range = 0.7});
  }
  for (const SkipPenalty penalty : {SkipPenalty::sampled, SkipPenalty::released}) {
    expect_right_gradients(space::macro_space({.layers = 4}),
                           {.hidden = 12, .init_range = 0.7, .skip_penalty = penalty});
  }
  expect_right_gradients(space::micro_space({.nodes = 4}), {.hidden = 12, .init_range = 0.7});
  for (const bool tied : {false, true}) {
    expect_right_gradients(mixed_space(), {.hidden = 12,
                                           .temperature = tied ? 0.0 : 2.0,
                                           .tanh_constant = tied ? 0.0 : 1.5,
                                           .tie_embeddings = tied,
                                           .init_range = 0.7});
  }
}

TEST(Controller, GradientsOfAThetaThatMovedAreRefused) {
  const Controller controller(two_function_space(3), {.hidden = 8}, 1);
  const auto all = all_architectures(controller.space());
  const at::Tensor& theta = controller.parameters().front().value;
  const Evaluation evaluation = controller.evaluate(all);
  {
    const torch::NoGradGuard no_grad;
    theta.mul_(0.5);
  }
  EXPECT_THROW(torch::autograd::grad({evaluation.entropy.sum()}, {theta}), c10::Error);
}

TEST(Controller, EvaluationsWithAndWithoutGradientsAreTheSame) {
  const Controller controller(mixed_space(), {.hidden = 12, .init_range = 0.7}, 8);
  const auto sampled = controller.sample(consecutive_steps(kAddress, 5), 1);
  const Evaluation with = controller.evaluate(sampled);
  const torch::NoGradGuard no_grad;
  const Evaluation without = controller.evaluate(sampled);
  EXPECT_TRUE(with.log_probability.equal(without.log_probability));
  EXPECT_TRUE(with.entropy.equal(without.entropy));
  EXPECT_TRUE(with.skip_penalty.equal(without.skip_penalty));
  EXPECT_TRUE(with.decision_entropy.equal(without.decision_entropy));
  EXPECT_FALSE(without.entropy.requires_grad());
  EXPECT_FALSE(with.decision_entropy.requires_grad());
}

}  // namespace
}  // namespace enas::controller
