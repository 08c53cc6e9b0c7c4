// SPDX-License-Identifier: Apache-2.0
// Masks, embedding, cell, output layer and penalties, with the embedding's gradient summed by hand.
#include "nn/recurrent/language_model.hpp"

#include <torch/torch.h>

#include <span>
#include <string_view>
#include <utility>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "nn/gradients.hpp"
#include "nn/recurrent/cross_entropy.hpp"

namespace enas::nn {
namespace {

void apply_mask(at::Tensor& values, const at::Tensor& mask) {
  if (mask.defined()) values.mul_(mask);
}

/// The dropout masks of one training pass; undefined tensors stand for "no mask".
struct Masks {
  Masks(const LanguageModelOptions& options, const StepAddress& address_,
        const at::Tensor& embedding, std::int64_t batch_size)
      : address(address_), device(embedding.device()) {
    const std::int64_t width = embedding.size(1);
    word = make(DropoutMask::word, options.drop_word, {embedding.size(0)});
    input = make(DropoutMask::input, options.drop_input, {batch_size, width});
    cell_input = make(DropoutMask::cell_input, options.drop_cell_input, {batch_size, width});
    state = make(DropoutMask::state, options.drop_state, {batch_size, width});
    output = make(DropoutMask::output, options.drop_output, {batch_size, width});
  }

  at::Tensor make(DropoutMask mask, double drop, at::IntArrayRef sizes) const {
    if (drop == 0.0) return {};
    at::Tensor values = at::empty(sizes, at::kFloat);
    RandomStream stream(address.seed, {Purpose::dropout, address.slot, address.step,
                                       static_cast<std::uint64_t>(mask)});
    stream.fill_keep_mask({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())},
                          1.0 - drop);
    return values.to(device);
  }

  /// In place on [T, B, H]: from rows of the embedding to the cell's input, and the same for
  /// gradients.
  void apply_to_input(at::Tensor& values, const at::Tensor& tokens) const {
    if (word.defined()) values.mul_(word.index({tokens}).unsqueeze(2));
    apply_mask(values, input);
    apply_mask(values, cell_input);
  }

  StepAddress address;
  at::Device device;
  at::Tensor word;                              // [V]
  at::Tensor input, cell_input, state, output;  // [B, H]
};

at::Tensor embed(const at::Tensor& embedding, const at::Tensor& tokens) {
  return embedding.index_select(0, tokens.reshape(-1))
      .view({tokens.size(0), tokens.size(1), embedding.size(1)});
}

/// Logits of all rows at once.
at::Tensor eager_logits(const at::Tensor& outputs, const LanguageModelWeights& weights) {
  const at::Tensor rows = outputs.view({-1, outputs.size(2)});
  const at::Tensor tied = weights.embedding.t();
  return weights.output_bias.defined() ? at::addmm(weights.output_bias, rows, tied) : rows.mm(tied);
}

/// The cross-entropy plus the penalties on the cell's outputs [T, B, H].
at::Tensor with_penalties(const LanguageModelOptions& options, const at::Tensor& cross_entropy,
                          const at::Tensor& outputs) {
  at::Tensor loss = cross_entropy;
  const std::int64_t steps = outputs.size(0);
  if (options.slowness != 0.0 && steps > 1) {
    const at::Tensor change = outputs.narrow(0, 1, steps - 1) - outputs.narrow(0, 0, steps - 1);
    loss = loss + options.slowness * change.square().mean();
  }
  if (options.activation_l2 != 0.0) loss = loss + options.activation_l2 * outputs.square().mean();
  return loss;
}

void check_batch(const Batch& batch, const at::Tensor& state, std::int64_t width) {
  expect(batch.input.dim() == 2 && batch.input.sizes() == batch.target.sizes() &&
             batch.input.numel() > 0,
         "a batch holds inputs and targets [T, B]");
  expect(state.sizes() == at::IntArrayRef({batch.input.size(1), width}),
         "a carried state is [B, H] with the batch's B");
}

/// The trained ones, in a fixed order.
std::vector<at::Tensor*> trained(LanguageModelWeights& weights) {
  std::vector<at::Tensor*> found = {&weights.embedding, &weights.output_bias};
  for (at::Tensor& weight : weights.cell) found.push_back(&weight);
  std::erase_if(found, [](const at::Tensor* weight) { return !weight->defined(); });
  return found;
}

at::Tensor cell_outputs(const LanguageModelOptions& options, const Cell& cell, const at::Tensor& x,
                        const at::Tensor& state, const LanguageModelWeights& model,
                        Workspace& workspace) {
  std::vector<at::Tensor> weights = model.cell;
  for (at::Tensor& weight : weights) {
    if (!weight.defined()) {
      weight = at::zeros({model.embedding.size(1)}, model.embedding.options().requires_grad(false));
    }
  }
  return options.fused ? recurrent_segment(cell, x, state, weights, workspace, options.precision)
                       : recurrent_segment_reference(cell, x, state, weights);
}

/// Mean over all targets.
at::Tensor mean_cross_entropy(const LanguageModelOptions& options, const at::Tensor& outputs,
                              const LanguageModelWeights& weights, const at::Tensor& target,
                              Workspace& workspace) {
  if (!options.fused) return at::cross_entropy_loss(eager_logits(outputs, weights), target);
  return cross_entropy(outputs.view({-1, outputs.size(2)}), weights.embedding, target, workspace,
                       options.precision, weights.output_bias);
}

}  // namespace

void check_language_model(std::string_view table, int hidden, int vocabulary_size,
                          double init_range, const LanguageModelOptions& options) {
  if (hidden < 1) {
    throw ConfigError(concat(table, ".hidden is ", hidden, "; it must be at least 1"));
  }
  if (vocabulary_size < 2) {
    throw ConfigError(
        concat("the vocabulary has ", vocabulary_size, " words; it must have at least 2"));
  }
  if (!(init_range > 0.0)) {
    throw ConfigError(concat(table, ".init_range is ", init_range, "; it must be above 0"));
  }
  const std::pair<const char*, double> drops[] = {{"drop_word", options.drop_word},
                                                  {"drop_input", options.drop_input},
                                                  {"drop_cell_input", options.drop_cell_input},
                                                  {"drop_state", options.drop_state},
                                                  {"drop_output", options.drop_output}};
  for (const auto& [name, drop] : drops) {
    if (!(drop >= 0.0 && drop < 1.0)) {
      throw ConfigError(concat(table, ".", name, " is ", drop, "; it must be in [0, 1)"));
    }
  }
}

at::Tensor uniform_weight(const WeightShape& shape, double range, std::uint64_t seed,
                          Purpose purpose) {
  at::Tensor value = at::empty(shape.sizes, at::kFloat);
  prefer_large_pages(value);
  const auto limit = static_cast<float>(range);
  RandomStream stream(seed, {purpose, name_address(shape.name)});
  stream.fill_uniform({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())}, -limit,
                      limit);
  return value;
}

LanguageModelGradient language_model_gradient(const LanguageModelOptions& options, Cell cell,
                                              const LanguageModelWeights& weights,
                                              const Batch& batch, const at::Tensor& state,
                                              const StepAddress& address, Workspace& workspace) {
  const std::int64_t width = weights.embedding.size(1);
  check_batch(batch, state, width);
  Stopwatch watch;
  const at::AutoGradMode with_gradients(true);  // whatever the caller's mode is
  const Masks masks(options, address, weights.embedding, batch.input.size(1));
  cell.state_mask = masks.state;

  // The input's gradient is scattered into the embedding's by hand when fused.
  LanguageModelWeights model = weights;
  std::vector<at::Tensor> leaves;
  for (at::Tensor* const weight : trained(model)) {
    *weight = weight->detach().requires_grad_();
    leaves.push_back(*weight);
  }
  at::Tensor x = options.fused ? embed(weights.embedding, batch.input)
                               : at::embedding(model.embedding, batch.input);
  masks.apply_to_input(x, batch.input);
  if (options.fused) leaves.push_back(x.requires_grad_());

  const at::Tensor outputs = cell_outputs(options, cell, x, state, model, workspace);
  const at::Tensor dropped = masks.output.defined() ? outputs * masks.output : outputs;
  const at::Tensor cross_entropy =
      mean_cross_entropy(options, dropped, model, batch.target.reshape(-1), workspace);
  LanguageModelGradient result;
  result.forward_s = watch.restart();

  std::vector<at::Tensor> by_leaf =
      gradients(with_penalties(options, cross_entropy, outputs), leaves);
  if (options.fused) {
    at::Tensor& x_gradient = by_leaf.back();
    masks.apply_to_input(x_gradient, batch.input);
    by_leaf[0].index_add_(0, batch.input.reshape(-1), x_gradient.view({-1, width}));
  }
  auto next = by_leaf.begin();
  for (at::Tensor* const place : trained(model)) *place = (next++)->contiguous();
  result.gradients = std::move(model);
  result.loss = cross_entropy.item<double>();
  result.state = outputs.select(0, outputs.size(0) - 1).detach().clone();
  result.backward_s = watch.seconds();
  return result;
}

Score language_model_score(const LanguageModelOptions& options, const Cell& cell,
                           const LanguageModelWeights& weights, const Batch& batch,
                           at::Tensor& state, Workspace& workspace) {
  check_batch(batch, state, weights.embedding.size(1));
  const at::NoGradGuard no_gradients;
  const at::Tensor outputs =
      cell_outputs(options, cell, embed(weights.embedding, batch.input), state, weights, workspace);
  state = outputs.select(0, outputs.size(0) - 1).clone();
  const at::Tensor target = batch.target.reshape(-1);
  Score score{0.0, /*correct=*/0, target.numel()};
  if (options.fused) {
    score.nats = cross_entropy_total(outputs.view({-1, outputs.size(2)}), weights.embedding, target,
                                     workspace, options.precision, weights.output_bias);
  } else {
    const at::Tensor logits = eager_logits(outputs, weights);
    score.nats = at::cross_entropy_loss(logits, target, {}, at::Reduction::Sum).item<double>();
  }
  return score;
}

double language_model_multiply_adds(const Cell& cell, std::int64_t hidden,
                                    std::int64_t vocabulary_size) {
  const auto width = static_cast<double>(hidden);
  // Node 0 reads input and state, every other node one earlier node.
  const double nodes = static_cast<double>(cell.nodes.size() + 1) * width * 2.0 * width;
  return nodes + static_cast<double>(vocabulary_size) * width;
}

}  // namespace enas::nn
