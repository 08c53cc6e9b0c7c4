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

  double log_probability(const space::Architecture& architecture) {
    const auto hidden = static_cast<std::size_t>(options_.hidden);
    h_ = c_ = Vector(hidden, 0.0);
    anchors_.clear();
    Vector input = row("start_input", 0);
    double sum = 0.0;
    for (const Decision& decision : space_.decisions()) {
      for (int i = 0; i < decision.lstm_steps; ++i) {
        lstm_step(i == 0 ? input : row("start_input", 0));
      }
      int choice = -1;
      if (decision.kind != DecisionKind::none) {
        choice = architecture.tokens[static_cast<std::size_t>(decision.token)];
        sum += log_softmax(
            decision.kind == DecisionKind::option ? option_logits() : anchor_logits(decision),
            choice);
      }
      if (decision.next == NextInput::start) input = row("start_input", 0);
      if (decision.next == NextInput::option_embedding) input = row("option_embedding", choice);
      if (decision.next == NextInput::scaled_anchor) {
        input = anchors_[static_cast<std::size_t>(choice)];
        for (double& x : input) x /= 0.1 + distance(choice);
      }
      if (decision.anchor == AnchorAfter::own_state) anchors_.push_back(h_);
      if (decision.anchor == AnchorAfter::zero) anchors_.emplace_back(hidden, 0.0);
    }
    return sum;
  }

 private:
  double distance(int candidate) const { return static_cast<double>(anchors_.size()) - candidate; }

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

  double bounded(double z) const {
    if (options_.temperature > 0.0) z /= options_.temperature;
    return options_.tanh_constant > 0.0 ? options_.tanh_constant * std::tanh(z) : z;
  }

  Vector option_logits() {
    Vector logits;
    for (int option = 0; option < space_.num_options(); ++option) {
      double z = 0.0;
      for (std::size_t k = 0; k < h_.size(); ++k) {
        const auto index = static_cast<std::int64_t>(k);
        z += h_[k] * (options_.tie_embeddings ? theta_.at("option_embedding")[option][index]
                                              : theta_.at("option_weight")[index][option])
                         .item<double>();
      }
      logits.push_back(bounded(z));
    }
    return logits;
  }

  Vector anchor_logits(const Decision& decision) {
    const Vector query = times(h_, "attention_state");
    Vector logits;
    for (int j = 0; j < decision.num_choices; ++j) {
      Vector score = times(anchors_[static_cast<std::size_t>(j)], "attention_anchor");
      for (std::size_t k = 0; k < score.size(); ++k) score[k] = std::tanh(query[k] + score[k]);
      logits.push_back(bounded(times(score, "attention_vector")[0]) -
                       decision.distance_penalty * distance(j) * distance(j));
    }
    return logits;
  }

  static double log_softmax(const Vector& logits, int choice) {
    double sum = 0.0;
    for (const double z : logits) sum += std::exp(z);
    return logits[static_cast<std::size_t>(choice)] - std::log(sum);
  }

  ControllerOptions options_;
  const space::SearchSpace& space_;
  std::map<std::string, at::Tensor> theta_;
  Vector h_;
  Vector c_;
  std::vector<Vector> anchors_;
};

void expect_equal_walks(const space::SearchSpace& space, const ControllerOptions& options) {
  const Controller controller(space, options, 17);
  const auto sampled = controller.sample(6, 1, {.purpose = Purpose::test});
  const auto values = to_doubles(controller.evaluate(sampled).log_probability);
  PlainWalk plain(controller);
  for (std::size_t i = 0; i < sampled.size(); ++i) {
    EXPECT_NEAR(values[i], plain.log_probability(sampled[i]), 1e-5) << sampled[i].text();
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

// Warm-up steps, kept inputs, decisions without a step, fewer candidates than anchors, tokens in
// another order than the decisions: what later spaces need.
TEST(Walk, FollowsAnyListOfDecisions) {
  const space::SearchSpace space(
      "toy", {"a", "b", "c"},
      {{.name = "warm-up",
        .kind = DecisionKind::none,
        .lstm_steps = 2,
        .anchor = AnchorAfter::own_state},
       {.name = "zero",
        .kind = DecisionKind::none,
        .lstm_steps = 0,
        .next = NextInput::keep,
        .anchor = AnchorAfter::zero},
       {.name = "first", .next = NextInput::option_embedding, .num_choices = 3, .token = 2},
       {.name = "own",
        .kind = DecisionKind::none,
        .lstm_steps = 3,
        .next = NextInput::keep,
        .anchor = AnchorAfter::own_state},
       {.name = "link",
        .kind = DecisionKind::earlier_node,
        .lstm_steps = 1,
        .next = NextInput::scaled_anchor,
        .num_choices = 2,
        .distance_penalty = 0.1,
        .token = 0},
       {.name = "again",
        .kind = DecisionKind::earlier_node,
        .lstm_steps = 0,
        .next = NextInput::keep,
        .num_choices = 3,
        .token = 1},
       {.name = "last", .lstm_steps = 2, .num_choices = 3, .token = 3}});
  expect_equal_walks(space, {.hidden = 10, .init_range = 1.0});
}

}  // namespace
}  // namespace enas::controller
