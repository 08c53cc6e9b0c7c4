// SPDX-License-Identifier: Apache-2.0
// The walk over decisions against the same formulas written with plain loops in double precision.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <numeric>

#include "controller/controller.hpp"
#include "small_spaces.hpp"

namespace enas::controller {
namespace {

using space::AnchorAfter;
using space::Decision;
using space::DecisionKind;
using space::NextInput;
using Vector = std::vector<double>;

// What an evaluation says of one architecture.
struct Scores {
  double log_probability = 0.0;
  double entropy = 0.0;
  double skip_penalty = 0.0;
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// One architecture at a time: z = [input, h] W, gates i, f, o, g; attention vᵀ tanh(W2 h + W1 a_j).
class PlainWalk {
 public:
  explicit PlainWalk(const Controller& controller)
      : options_(controller.options()), space_(controller.space()) {
    for (const Parameter& parameter : controller.parameters()) {
      theta_[parameter.name] = parameter.value.detach().to(torch::kFloat64);
    }
  }

  Scores scores(const space::Architecture& architecture) {
    const auto hidden = static_cast<std::size_t>(options_.hidden);
    h_ = c_ = Vector(hidden, 0.0);
    anchors_.clear();
    keys_.clear();
    Vector input = row("start_input", 0);
    Scores scores;
    int num_subsets = 0;
    for (const Decision& decision : space_.decisions()) {
      for (int i = 0; i < decision.lstm_steps; ++i) {
        lstm_step(i == 0 ? input : row("start_input", 0));
      }
      const int* const tokens = architecture.tokens.data() + decision.token;
      if (decision.kind == DecisionKind::option) add(option_logits(decision), *tokens, scores);
      if (decision.kind == DecisionKind::earlier_node) {
        add(anchor_logits(decision), *tokens, scores);
      }
      if (decision.kind == DecisionKind::subset) {
        add_bits(anchor_logits(decision), tokens, scores);
        ++num_subsets;
      }
      choose_input(decision, tokens, input);
      remember(decision);
    }
    if (num_subsets > 0) scores.skip_penalty /= num_subsets;
    return scores;
  }

 private:
  // Of candidate j of a decision.
  double distance(const Decision& decision, int j) const {
    return static_cast<double>(anchors_.size()) - decision.first_anchor - j;
  }

  const Vector& anchor(const Decision& decision, int j) const {
    return anchors_[static_cast<std::size_t>(decision.first_anchor + j)];
  }

  void choose_input(const Decision& decision, const int* tokens, Vector& input) {
    if (decision.next == NextInput::start) input = row("start_input", 0);
    if (decision.next == NextInput::option_embedding) {
      input = row("option_embedding", decision.first_option + *tokens);
    }
    if (decision.next == NextInput::anchor) input = anchor(decision, *tokens);
    if (decision.next == NextInput::scaled_anchor) {
      input = anchor(decision, *tokens);
      for (double& x : input) x /= 0.1 + distance(decision, *tokens);
    }
    if (decision.next == NextInput::mean_anchor) {
      input.assign(input.size(), 0.0);
      double divisor = 1.0;
      for (int j = 0; j < decision.num_choices; ++j) {
        if (tokens[j] == 0) continue;
        divisor += 1.0;
        for (std::size_t k = 0; k < input.size(); ++k) input[k] += anchor(decision, j)[k];
      }
      for (double& x : input) x /= divisor;
    }
  }

  void remember(const Decision& decision) {
    if (decision.anchor == AnchorAfter::none) return;
    const Vector zeros(h_.size(), 0.0);
    anchors_.push_back(decision.anchor == AnchorAfter::own_state ? h_ : zeros);
    keys_.push_back(decision.anchor == AnchorAfter::zero ? zeros : times(h_, "attention_anchor"));
  }

  Vector row(const std::string& name, int index) { return to_doubles(theta_.at(name)[index]); }

  Vector times(const Vector& x, const std::string& name) {
    const auto matrix = theta_.at(name).accessor<double, 2>();
    Vector y(static_cast<std::size_t>(matrix.size(1)), 0.0);
    for (std::size_t k = 0; k < x.size(); ++k) {
      for (std::size_t j = 0; j < y.size(); ++j) {
        y[j] += x[k] * matrix[static_cast<std::int64_t>(k)][static_cast<std::int64_t>(j)];
      }
    }
    return y;
  }

  void lstm_step(Vector input) {
    const std::size_t hidden = h_.size();
    input.insert(input.end(), h_.begin(), h_.end());
    const Vector z = times(input, "lstm");
    for (std::size_t k = 0; k < hidden; ++k) {
      const double in = sigmoid(z[k]);
      const double forget = sigmoid(z[hidden + k]);
      const double out = sigmoid(z[2 * hidden + k]);
      c_[k] = in * std::tanh(z[3 * hidden + k]) + forget * c_[k];
      h_[k] = out * std::tanh(c_[k]);
    }
  }

  double bounded(double z, double tanh_constant) const {
    if (options_.temperature > 0.0) z /= options_.temperature;
    return tanh_constant > 0.0 ? tanh_constant * std::tanh(z) : z;
  }

  Vector option_logits(const Decision& decision) {
    Vector logits;
    for (int choice = 0; choice < decision.num_choices; ++choice) {
      const int option = decision.first_option + choice;
      double z = 0.0;
      for (std::size_t k = 0; k < h_.size(); ++k) {
        const auto index = static_cast<std::int64_t>(k);
        z += h_[k] * (options_.tie_embeddings ? theta_.at("option_embedding")[option][index]
                                              : theta_.at("option_weight")[index][option])
                         .item<double>();
      }
      if (theta_.contains("option_bias")) z += theta_.at("option_bias")[0][option].item<double>();
      logits.push_back(bounded(z, options_.tanh_constant / options_.option_tanh_divisor));
      if (!decision.logit_bias.empty()) {
        logits.back() += decision.logit_bias[static_cast<std::size_t>(choice)];
      }
    }
    return logits;
  }

  Vector anchor_logits(const Decision& decision) {
    const Vector query = times(h_, "attention_state");
    Vector logits;
    for (int j = 0; j < decision.num_choices; ++j) {
      Vector score = keys_[static_cast<std::size_t>(decision.first_anchor + j)];
      for (std::size_t k = 0; k < score.size(); ++k) score[k] = std::tanh(query[k] + score[k]);
      logits.push_back(bounded(times(score, "attention_vector")[0], options_.tanh_constant) -
                       decision.distance_penalty * std::pow(distance(decision, j), 2));
    }
    return logits;
  }

  static void add(const Vector& logits, int choice, Scores& scores) {
    double sum = 0.0;
    for (const double z : logits) sum += std::exp(z);
    for (const double z : logits) scores.entropy -= std::exp(z) / sum * (z - std::log(sum));
    scores.log_probability += logits[static_cast<std::size_t>(choice)] - std::log(sum);
  }

  void add_bits(const Vector& logits, const int* bits, Scores& scores) const {
    for (std::size_t j = 0; j < logits.size(); ++j) {
      const double p = sigmoid(2.0 * logits[j]);
      scores.log_probability += std::log(bits[j] == 1 ? p : 1.0 - p);
      scores.entropy -= p * std::log(p) + (1.0 - p) * std::log(1.0 - p);
      const double held = options_.skip_penalty == SkipPenalty::sampled ? p : sigmoid(logits[j]);
      const double target = options_.skip_target;
      scores.skip_penalty +=
          held * std::log(held / target) + (1.0 - held) * std::log((1.0 - held) / (1.0 - target));
    }
  }

  ControllerOptions options_;
  const space::SearchSpace& space_;
  std::map<std::string, at::Tensor> theta_;
  Vector h_;
  Vector c_;
  std::vector<Vector> anchors_;
  std::vector<Vector> keys_;
};

void expect_equal_walks(const space::SearchSpace& space, const ControllerOptions& options) {
  const Controller controller(space, options, 17);
  const auto sampled = controller.sample(consecutive_steps({.purpose = Purpose::test}, 6), 1);
  const Evaluation evaluation = controller.evaluate(sampled);
  const auto log_probability = to_doubles(evaluation.log_probability);
  const auto entropy = to_doubles(evaluation.entropy);
  const auto skip_penalty = to_doubles(evaluation.skip_penalty);
  PlainWalk plain(controller);
  for (std::size_t i = 0; i < sampled.size(); ++i) {
    const Scores expected = plain.scores(sampled[i]);
    EXPECT_NEAR(log_probability[i], expected.log_probability, 1e-5) << sampled[i].text();
    EXPECT_NEAR(entropy[i], expected.entropy, 1e-5) << sampled[i].text();
    EXPECT_NEAR(skip_penalty[i], expected.skip_penalty, 1e-5) << sampled[i].text();
  }
}

TEST(Walk, FollowsTheFormulasInTheRecurrentSpace) {
  expect_equal_walks(space::recurrent_space({.nodes = 5}), {.hidden = 10, .init_range = 1.0});
}

TEST(Walk, FollowsTheFormulasWithAFixedFirstNodeAndTiedEmbeddings) {
  expect_equal_walks(space::recurrent_space({.nodes = 5, .first_node = space::FirstNode::tanh}),
                     {.hidden = 10, .tie_embeddings = true, .init_range = 1.0});
}

TEST(Walk, LeavesLogitsAloneWithoutTemperatureAndTanh) {
  expect_equal_walks(space::recurrent_space({.nodes = 4}),
                     {.hidden = 10, .temperature = 0.0, .tanh_constant = 0.0, .init_range = 0.5});
}

TEST(Walk, FollowsTheFormulasInTheMacroSpace) {
  const space::SearchSpace space = space::macro_space({.layers = 5});
  for (const SkipPenalty penalty : {SkipPenalty::sampled, SkipPenalty::released}) {
    expect_equal_walks(space, {.hidden = 10,
                               .temperature = 0.0,
                               .tanh_constant = 1.5,
                               .init_range = 1.0,
                               .skip_penalty = penalty});
    expect_equal_walks(space, {.hidden = 10,
                               .temperature = 2.0,
                               .tanh_constant = 0.0,
                               .option_tanh_divisor = 2.5,
                               .init_range = 1.0,
                               .skip_target = 0.2,
                               .skip_penalty = penalty});
  }
}

TEST(Walk, FollowsTheFormulasInTheMicroSpace) {
  for (const auto prior : {space::OperationPrior::none, space::OperationPrior::released}) {
    expect_equal_walks(space::micro_space({.nodes = 5, .operation_prior = prior}),
                       {.hidden = 10,
                        .temperature = 0.0,
                        .tanh_constant = 1.10,
                        .option_tanh_divisor = 2.5,
                        .init_range = 1.0});
  }
}

TEST(Walk, LearntOptionBiasIsFoundWithTiedEmbeddingsToo) {
  const auto prior = space::OperationPrior::released;
  expect_equal_walks(space::micro_space({.nodes = 4, .operation_prior = prior}),
                     {.hidden = 10, .tie_embeddings = true, .init_range = 1.0});
}

TEST(Walk, FollowsAnyListOfDecisions) {
  expect_equal_walks(mixed_space(), {.hidden = 10, .init_range = 1.0});
}

}  // namespace
}  // namespace enas::controller
