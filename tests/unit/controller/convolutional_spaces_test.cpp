// SPDX-License-Identifier: Apache-2.0
// The controller on the macro and the micro space: known numbers, bits of subsets, priors.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "controller/controller.hpp"
#include "core/error.hpp"
#include "small_spaces.hpp"

namespace enas::controller {
namespace {

using space::Architecture;
using space::OperationPrior;

constexpr Address kAddress{.purpose = Purpose::test, .index = 5, .step = 70};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double divergence(double p, double target) {
  return p * std::log(p / target) + (1.0 - p) * std::log((1.0 - p) / (1.0 - target));
}

TEST(ConvolutionalSpaces, HaveTheKnownNumbersOfParameters) {
  EXPECT_EQ(Controller(space::macro_space({}), {.hidden = 64}, 1).num_parameters(), 41856);
  for (const OperationPrior prior : {OperationPrior::none, OperationPrior::released}) {
    const Controller micro(space::micro_space({.operation_prior = prior}), {.hidden = 64}, 1);
    EXPECT_EQ(micro.num_parameters(), 41733);
    EXPECT_EQ(micro.parameters().back().name, "option_bias");
    EXPECT_EQ(to_doubles(micro.parameters().back().value), micro.space().option_bias_start());
    EXPECT_TRUE(micro.parameters().back().value.requires_grad());
  }
}

TEST(ConvolutionalSpaces, ZeroThetaGivesTheKnownEntropiesAndPenalty) {
  for (const SkipPenalty penalty : {SkipPenalty::sampled, SkipPenalty::released}) {
    const Controller macro(space::macro_space({}), {.hidden = 8, .skip_penalty = penalty}, 1);
    set_theta_to_zero(macro);
    const Evaluation evaluation = macro.evaluate(macro.sample(consecutive_steps(kAddress, 2), 1));
    EXPECT_NEAR(evaluation.entropy[1].item<double>(), 67.249, 5e-4);
    EXPECT_NEAR(evaluation.skip_penalty[0].item<double>(), 0.122466, 1e-6);
    ASSERT_EQ(evaluation.decision_entropy.sizes(), at::IntArrayRef({78}));
    EXPECT_NEAR(evaluation.decision_entropy[1].item<double>(), std::log(6.0), 1e-6);
    EXPECT_NEAR(evaluation.decision_entropy[77].item<double>(), std::log(2.0), 1e-6);
  }
  const Controller micro(space::micro_space({}), {.hidden = 8}, 1);
  set_theta_to_zero(micro);
  const Evaluation evaluation = micro.evaluate(micro.sample(consecutive_steps(kAddress, 2), 1));
  EXPECT_NEAR(evaluation.entropy[0].item<double>(), 58.506, 5e-4);
  EXPECT_EQ(evaluation.skip_penalty[0].item<double>(), 0.0);
  ASSERT_EQ(evaluation.decision_entropy.sizes(), at::IntArrayRef({40}));
}

TEST(ConvolutionalSpaces, OneLayerHasNoSkipsToPenalise) {
  const Controller macro(space::macro_space({.layers = 1}), {.hidden = 8}, 1);
  EXPECT_EQ(macro.evaluate(macro.sample({kAddress}, 1)).skip_penalty[0].item<double>(), 0.0);
}

// Of two layers, the only bit is the last token: log P(1) − log P(0) = 2x.
TEST(ConvolutionalSpaces, PenaltyHoldsTheStatedProbabilityAgainstTheTarget) {
  for (const double target : {0.4, 0.7}) {
    std::map<SkipPenalty, double> penalties;
    for (const SkipPenalty penalty : {SkipPenalty::sampled, SkipPenalty::released}) {
      const Controller controller(
          skip_space(2),
          {.hidden = 16, .init_range = 1.0, .skip_target = target, .skip_penalty = penalty}, 4);
      const Evaluation evaluation = controller.evaluate(all_architectures(controller.space()));
      const auto log_probability = to_doubles(evaluation.log_probability);
      const double x = 0.5 * (log_probability[1] - log_probability[0]);
      ASSERT_GT(std::abs(x), 0.05);
      const double p = sigmoid(penalty == SkipPenalty::sampled ? 2.0 * x : x);
      EXPECT_NEAR(evaluation.skip_penalty[0].item<double>(), divergence(p, target), 1e-6);
      EXPECT_NEAR(evaluation.skip_penalty[1].item<double>(), divergence(p, target), 1e-6);
      penalties[penalty] = divergence(p, target);
    }
    EXPECT_GT(std::abs(penalties[SkipPenalty::sampled] - penalties[SkipPenalty::released]), 0.001);
  }
}

// Where the released penalty vanishes, σ(x) = 0.4, bits are sampled at 4/13.
TEST(ConvolutionalSpaces, ReleasedPenaltyAimsAtFourThirteenths) {
  const double x = std::log(0.4 / 0.6);
  EXPECT_NEAR(divergence(sigmoid(x), 0.4), 0.0, 1e-15);
  EXPECT_NEAR(sigmoid(2.0 * x), 4.0 / 13.0, 1e-15);
}

TEST(ConvolutionalSpaces, ProbabilitiesOfAWholeSpaceSumToOne) {
  const ControllerOptions options{.hidden = 16, .temperature = 1.0, .init_range = 1.0};
  const Controller macro(two_operation_macro_space(3), options, 3);
  const space::MicroSpaceOptions shape{
      .nodes = 3, .operations = {space::Operation::identity, space::Operation::sep_conv_3x3}};
  const Controller micro(space::micro_space(shape), options, 3);
  for (const Controller* controller : {&macro, &micro}) {
    const auto all = all_architectures(controller->space());
    EXPECT_EQ(std::to_string(all.size()), controller->space().size_text());
    const auto values = probabilities(*controller, all);
    EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1.0, 1e-5);
  }
}

TEST(ConvolutionalSpaces, BitsAreSampledWithTheProbabilitiesThatAreScored) {
  const Controller controller(two_operation_macro_space(3),
                              {.hidden = 16, .temperature = 2.0, .init_range = 0.5}, 4);
  const double chi_square = chi_square_of_samples(controller, consecutive_steps(kAddress, 40000));
  // 63 degrees of freedom: one seed in a thousand would be above 103.4.
  EXPECT_LT(chi_square, 103.4);
}

TEST(ConvolutionalSpaces, OneBitIsOneAsOftenAsItsLogitSays) {
  const Controller controller(skip_space(2), {.hidden = 16, .init_range = 1.0}, 4);
  const auto log_probability =
      to_doubles(controller.evaluate(all_architectures(controller.space())).log_probability);
  const double rate = sigmoid(log_probability[1] - log_probability[0]);  // σ(2x)
  constexpr int kSamples = 20000;
  int ones = 0;
  for (const Architecture& architecture :
       controller.sample(consecutive_steps(kAddress, kSamples), 3)) {
    ones += architecture.tokens[2];
  }
  EXPECT_NEAR(ones, kSamples * rate, 5.0 * std::sqrt(kSamples * rate * (1.0 - rate)));
  EXPECT_GT(std::abs(rate - 0.5), 0.05) << "too even to tell";
}

TEST(ConvolutionalSpaces, EachUniformDecidesTheTokenOfItsPlace) {
  const Controller controller(space::macro_space({.layers = 4}), {.hidden = 8}, 1);
  set_theta_to_zero(controller);
  RandomStream uniforms(9, kAddress);
  const Architecture sampled = controller.sample({kAddress}, 9).at(0);
  const std::vector<std::string> names = controller.space().token_names();
  for (std::size_t t = 0; t < sampled.tokens.size(); ++t) {
    const double uniform = uniforms.next_uniform();
    const bool is_bit = names[t].find("skip") != std::string::npos;
    const int expected = is_bit ? (uniform < 0.5 ? 1 : 0) : static_cast<int>(6.0 * uniform);
    EXPECT_EQ(sampled.tokens[t], expected) << names[t];
  }
}

TEST(ConvolutionalSpaces, MemberOfABatchReplaysAlone) {
  for (const auto& space : {space::macro_space({}), space::micro_space({})}) {
    const Controller controller(space, {.hidden = 32}, 5);
    const auto batch = controller.sample(consecutive_steps(kAddress, 10), 9);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Address address = kAddress;
      address.step += i;
      EXPECT_EQ(controller.sample({address}, 9).at(0), batch[i]) << i;
      EXPECT_NO_THROW(space.validate(batch[i].tokens));
    }
    EXPECT_NE(batch[0], batch[1]);
  }
}

// Released micro search before any learning: w_soft h is 0, the learnt bias saturates the tanh.
TEST(ConvolutionalSpaces, ReleasedPriorPrefersSeparableConvolutions) {
  const Controller controller(
      space::micro_space({.nodes = 3, .operation_prior = OperationPrior::released}),
      {.hidden = 16, .temperature = 0.0, .tanh_constant = 1.10, .option_tanh_divisor = 2.5}, 1);
  for (const Parameter& parameter : controller.parameters()) {
    const torch::NoGradGuard no_grad;
    if (parameter.name != "option_bias") parameter.value.zero_();
  }
  // Two inputs a side at even odds, and each cell's operation twice: P = p²q² / 16.
  std::vector<double> normal(5, 0.0);
  std::vector<double> reduction(5, 0.0);
  for (int a = 0; a < 5; ++a) {
    for (int b = 0; b < 5; ++b) {
      const auto probability =
          probabilities(controller, {{"micro/3", {0, a, 0, a, 0, b, 0, b}}}).at(0);
      normal[static_cast<std::size_t>(a)] += std::sqrt(16.0 * probability);
      reduction[static_cast<std::size_t>(b)] += std::sqrt(16.0 * probability);
    }
  }
  for (std::size_t code = 0; code < 5; ++code) {
    EXPECT_NEAR(normal[code], code < 2 ? 0.315 : 0.123, 5e-4);
    EXPECT_NEAR(reduction[code], code < 2 ? 0.254 : 0.164, 5e-4);
  }
}

TEST(ConvolutionalSpaces, ScoresStayFiniteWhereBitsAreAlmostCertain) {
  const Controller controller(
      skip_space(4), {.hidden = 16, .temperature = 0.0, .tanh_constant = 300.0, .init_range = 4.0},
      2);
  const Evaluation evaluation = controller.evaluate(all_architectures(controller.space()));
  EXPECT_LT(evaluation.log_probability.min().item<double>(), -200.0);
  for (const at::Tensor& values :
       {evaluation.log_probability, evaluation.entropy, evaluation.skip_penalty}) {
    EXPECT_TRUE(values.isfinite().all().item<bool>());
  }
  EXPECT_GE(evaluation.entropy.min().item<double>(), 0.0);
}

TEST(ConvolutionalSpaces, DivergedAttentionIsAnErrorThatNamesTheSkips) {
  const Controller controller(space::macro_space({.layers = 3}), {.hidden = 8}, 5);
  for (const Parameter& parameter : controller.parameters()) {
    const torch::NoGradGuard no_grad;
    if (parameter.name == "attention_vector") {
      parameter.value.fill_(std::numeric_limits<float>::quiet_NaN());
    }
  }
  try {
    controller.sample(consecutive_steps(kAddress, 3), 1);
    FAIL() << "sampled from NaN";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code(), ExitCode::diverged);
    EXPECT_NE(std::string(error.what()).find("'layer 1 skip'"), std::string::npos);
  }
}

}  // namespace
}  // namespace enas::controller
