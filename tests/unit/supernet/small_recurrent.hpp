// SPDX-License-Identifier: Apache-2.0
// A small recurrent supernet, its children and batches, and the whole model in plain autograd.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "nn/recurrent/recurrent_segment.hpp"
#include "supernet/recurrent.hpp"

namespace enas::supernet {

constexpr int kVocabulary = 30;
constexpr std::int64_t kSteps = 6;
constexpr std::int64_t kBatch = 5;
constexpr StepAddress kAddress{7, 1, 40};

inline RecurrentOptions small_options() {
  RecurrentOptions options;
  options.hidden = 9;
  options.init_range = 0.5;
  options.activation_l2 = 0.3;
  return options;
}

inline RecurrentOptions without_dropout(RecurrentOptions options) {
  options.drop_word = options.drop_input = options.drop_cell_input = 0.0;
  options.drop_state = options.drop_output = 0.0;
  return options;
}

inline space::RecurrentSpaceOptions small_space(int nodes = 5) {
  space::RecurrentSpaceOptions space;
  space.nodes = nodes;
  return space;
}

inline space::Architecture child(const space::RecurrentSpaceOptions& space,
                                 std::vector<std::int32_t> tokens) {
  return {space::recurrent_space(space).id(), std::move(tokens)};
}

inline space::Architecture random_child(const space::RecurrentSpaceOptions& space,
                                        std::uint64_t number) {
  RandomStream stream(3, {Purpose::test, number});
  const auto draw = [&](std::size_t bound) {
    return static_cast<std::int32_t>(stream.next_below(bound));
  };
  std::vector<std::int32_t> tokens;
  if (space.first_node == space::FirstNode::sampled)
    tokens.push_back(draw(space.activations.size()));
  for (int l = 1; l < space.nodes; ++l) {
    tokens.push_back(draw(static_cast<std::size_t>(l)));
    tokens.push_back(draw(space.activations.size()));
  }
  return child(space, tokens);
}

inline Batch random_batch(std::int64_t steps = kSteps, std::int64_t batch_size = kBatch) {
  RandomStream stream(4, {Purpose::test, 0});
  Batch batch{at::empty({steps, batch_size}, at::kLong), at::empty({steps, batch_size}, at::kLong)};
  for (at::Tensor* tokens : {&batch.input, &batch.target}) {
    auto* const data = tokens->data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < tokens->numel(); ++i) {
      data[i] = static_cast<std::int64_t>(stream.next_below(kVocabulary));
    }
  }
  return batch;
}

inline at::Tensor start_state(const RecurrentSupernet& net, std::int64_t batch_size = kBatch) {
  return net.initial_state(batch_size) + at::linspace(-0.5, 0.5, batch_size).unsqueeze(1);
}

inline std::vector<std::string> touched_names(const RecurrentSupernet& net,
                                              const space::Architecture& architecture) {
  std::vector<std::string> names;
  for (const int number : net.touched(architecture)) {
    names.push_back(net.weights()[static_cast<std::size_t>(number)].name);
  }
  return names;
}

inline std::int64_t count_values(const std::vector<WeightShape>& shapes) {
  std::int64_t count = 0;
  for (const WeightShape& shape : shapes) count += shape.count();
  return count;
}

inline bool same_bits(const Pass& a, const Pass& b) {
  if (a.loss != b.loss || a.gradients.size() != b.gradients.size()) return false;
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    if (!at::equal(a.gradients[i], b.gradients[i])) return false;
  }
  return true;
}

inline Pass gradient_of(const RecurrentSupernet& net, const space::Architecture& architecture,
                        const StepAddress& address = kAddress) {
  at::Tensor state = start_state(net);
  return net.gradient(architecture, random_batch(), state, address);
}

/// The whole model in double and plain autograd, written from the definition.
struct EagerModel {
  const space::RecurrentSpaceOptions& space;
  const RecurrentOptions& options;
  const RecurrentSupernet& net;

  at::Tensor mask(DropoutMask which, double drop, at::IntArrayRef sizes) const {
    std::vector<float> values(static_cast<std::size_t>(c10::multiply_integers(sizes)), 1.0F);
    RandomStream stream(kAddress.seed, {Purpose::dropout, kAddress.slot, kAddress.step,
                                        static_cast<std::uint64_t>(which)});
    if (drop > 0.0) stream.fill_keep_mask(values, 1.0 - drop);
    return torch::tensor(values).view(sizes).to(at::kDouble);
  }

  Pass gradient(const space::Architecture& architecture, const Batch& batch,
                at::Tensor& state) const {
    const space::RecurrentCell cell = space::recurrent_cell(space, architecture);
    std::vector<at::Tensor> leaves;
    for (const int number : net.touched(architecture)) {
      const Weight& weight = net.weights()[static_cast<std::size_t>(number)];
      leaves.push_back(weight.value.to(at::kDouble).requires_grad_());
    }
    const std::int64_t width = options.hidden;
    const std::int64_t batch_size = batch.input.size(1);
    const auto locked = [&](DropoutMask which, double drop) {
      return mask(which, drop, {batch_size, width});
    };
    nn::Cell plan;
    for (const auto& node : cell.nodes) {
      plan.nodes.push_back({node.previous, static_cast<nn::NodeFunction>(node.activation)});
    }
    plan.outputs = cell.loose_ends();
    if (options.cell_output == CellOutput::all) {
      plan.outputs.clear();
      for (int l = space.first_node == space::FirstNode::tanh ? 1 : 0; l < space.nodes; ++l) {
        plan.outputs.push_back(l);
      }
    }
    plan.batch_norm = options.batch_norm;
    plan.state_mask = locked(DropoutMask::state, options.drop_state);
    const std::size_t norm = options.output_bias ? 2 : 1;
    const std::size_t num_norms = !options.batch_norm ? 0 : options.output_bias ? 1 : 2;
    const std::size_t first_node = norm + num_norms;
    std::vector<at::Tensor> cell_weights(leaves.begin() + static_cast<std::ptrdiff_t>(first_node),
                                         leaves.end());
    if (options.batch_norm) {
      const at::Tensor none = at::zeros({width}, at::kDouble);
      cell_weights.insert(cell_weights.end(),
                          {leaves[norm], options.output_bias ? none : leaves[norm + 1]});
    }

    const at::Tensor dropped_words =
        leaves[0] * mask(DropoutMask::word, options.drop_word, {kVocabulary, 1});
    const at::Tensor x = at::embedding(dropped_words, batch.input) *
                         locked(DropoutMask::input, options.drop_input) *
                         locked(DropoutMask::cell_input, options.drop_cell_input);
    const at::Tensor outputs =
        nn::recurrent_segment_reference(plan, x, state.to(at::kDouble), cell_weights);
    at::Tensor logits = (outputs * locked(DropoutMask::output, options.drop_output))
                            .view({-1, width})
                            .mm(leaves[0].t());
    if (options.output_bias) logits = logits + leaves[1];
    const at::Tensor cross_entropy = at::cross_entropy_loss(logits, batch.target.view(-1));
    at::Tensor loss = cross_entropy + options.activation_l2 * outputs.square().mean();
    if (outputs.size(0) > 1) {
      loss = loss + options.slowness * outputs.diff(1, 0).square().mean();
    }
    state = outputs[-1].detach();
    Pass pass;
    pass.loss = cross_entropy.item<double>();
    pass.gradients = torch::autograd::grad({loss}, leaves);
    return pass;
  }
};

struct Variant {
  EdgeWeights edge_weights;
  CellOutput cell_output;
  bool batch_norm;
  space::FirstNode first_node;
};

inline std::vector<Variant> all_variants() {
  std::vector<Variant> variants;
  for (const auto edges : {EdgeWeights::per_function, EdgeWeights::per_edge}) {
    for (const auto output : {CellOutput::loose_ends, CellOutput::all}) {
      for (const bool batch_norm : {false, true}) {
        for (const auto first : {space::FirstNode::sampled, space::FirstNode::tanh}) {
          variants.push_back({edges, output, batch_norm, first});
        }
      }
    }
  }
  return variants;
}

}  // namespace enas::supernet
