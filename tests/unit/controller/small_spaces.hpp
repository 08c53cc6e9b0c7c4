// SPDX-License-Identifier: Apache-2.0
// Spaces small enough to enumerate, and the few things that every test of the controller asks of
// them.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <vector>

#include "controller/controller.hpp"
#include "space/macro.hpp"
#include "space/micro.hpp"
#include "space/recurrent.hpp"

namespace enas::controller {

/// Nodes with tanh and relu: 16 architectures for 3 nodes.
inline space::SearchSpace two_function_space(int nodes, double distance_penalty = 1.0 / 6.0) {
  return space::recurrent_space({.nodes = nodes,
                                 .activations = {space::Activation::tanh, space::Activation::relu},
                                 .distance_penalty = distance_penalty});
}

/// Layers with a convolution and a pool: 8 architectures for 2 layers, 64 for 3.
inline space::SearchSpace two_operation_macro_space(int layers) {
  return space::macro_space(
      {.layers = layers,
       .operations = {space::Operation::conv_3x3, space::Operation::max_pool_3x3}});
}

/// Layers that always convolve, so that skips are all there is: 2 architectures for 2 layers, 8
/// for 3.
inline space::SearchSpace skip_space(int layers) {
  return space::macro_space({.layers = layers, .operations = {space::Operation::conv_3x3}});
}

/// Warm-up steps, kept inputs, decisions without a step, candidates that are not all anchors,
/// tokens in another order than the decisions, two kinds of options.
inline space::SearchSpace mixed_space() {
  using space::AnchorAfter;
  using space::DecisionKind;
  using space::NextInput;
  return space::SearchSpace(
      "toy", {"x", "y", "a", "b", "c"},
      {{.name = "warm-up",
        .kind = DecisionKind::none,
        .lstm_steps = 2,
        .anchor = AnchorAfter::own_state},
       {.name = "zero",
        .kind = DecisionKind::none,
        .lstm_steps = 0,
        .next = NextInput::keep,
        .anchor = AnchorAfter::zero},
       {.name = "first",
        .next = NextInput::option_embedding,
        .num_choices = 3,
        .first_option = 2,
        .token = 2},
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
       {.name = "some",
        .kind = DecisionKind::subset,
        .next = NextInput::mean_anchor,
        .anchor = AnchorAfter::zero_with_key,
        .num_choices = 2,
        .first_anchor = 1,
        .token = 4},
       {.name = "far",
        .kind = DecisionKind::earlier_node,
        .next = NextInput::scaled_anchor,
        .num_choices = 2,
        .first_anchor = 2,
        .distance_penalty = 0.1,
        .token = 6},
       {.name = "last", .lstm_steps = 2, .num_choices = 2, .logit_bias = {0.5, -0.5}, .token = 3}});
}

/// Every architecture of a space, the last token varying fastest.
inline std::vector<space::Architecture> all_architectures(const space::SearchSpace& space) {
  std::vector<space::Architecture> all = {{space.id(), {}}};
  for (int token = 0; token < space.num_tokens(); ++token) {
    std::vector<space::Architecture> longer;
    for (const space::Decision& decision : space.decisions()) {
      if (token < decision.token || token >= decision.token + decision.num_tokens()) continue;
      for (const space::Architecture& prefix : all) {
        for (int choice = 0; choice < decision.num_values(); ++choice) {
          longer.push_back(prefix);
          longer.back().tokens.push_back(choice);
        }
      }
    }
    all = longer;
  }
  return all;
}

inline std::vector<double> to_doubles(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(torch::kFloat64).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

inline std::vector<double> probabilities(const Controller& controller,
                                         const std::vector<space::Architecture>& architectures) {
  std::vector<double> values = to_doubles(controller.evaluate(architectures).log_probability);
  for (double& value : values) value = std::exp(value);
  return values;
}

/// Pearson's chi square of architectures sampled at these addresses against the probabilities that
/// the controller scores. Each architecture must be expected more than five times.
inline double chi_square_of_samples(const Controller& controller,
                                    const std::vector<Address>& addresses) {
  std::map<space::Architecture, int> counts;
  for (const space::Architecture& architecture : controller.sample(addresses, 11)) {
    ++counts[architecture];
  }
  const auto all = all_architectures(controller.space());
  const std::vector<double> expected = probabilities(controller, all);
  double chi_square = 0.0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double mean = static_cast<double>(addresses.size()) * expected[i];
    EXPECT_GT(mean, 5.0) << all[i].text();
    chi_square += std::pow(counts[all[i]] - mean, 2) / mean;
  }
  return chi_square;
}

/// All softmaxes become uniform before penalties.
inline void set_theta_to_zero(const Controller& controller) {
  const torch::NoGradGuard no_grad;
  for (const Parameter& parameter : controller.parameters()) parameter.value.zero_();
}

}  // namespace enas::controller
