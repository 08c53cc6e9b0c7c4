// SPDX-License-Identifier: Apache-2.0
#include "child/recurrent.hpp"

#include <torch/torch.h>

#include <utility>

#include "core/random.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

nn::LanguageModelOptions language_model(const RecurrentNetworkOptions& options) {
  return {.drop_word = options.drop_word,
          .drop_input = options.drop_input,
          .drop_cell_input = options.drop_cell_input,
          .drop_state = options.drop_state,
          .drop_output = options.drop_output,
          .slowness = options.slowness,
          .activation_l2 = options.activation_l2,
          .fused = options.fused,
          // TF32 is the device's own doing: the operations are those of float32.
          .precision = options.precision == nn::Precision::bfloat16 ? nn::Precision::bfloat16
                                                                    : nn::Precision::float32};
}

}  // namespace

std::vector<int> cell_outputs(const space::RecurrentCell& cell, CellOutput output) {
  const bool is_all = output == CellOutput::all && cell.named_outputs.empty();
  return is_all ? cell.searched_nodes() : cell.outputs();
}

std::vector<nn::WeightShape> recurrent_network_shapes(const space::RecurrentCell& cell,
                                                      const RecurrentNetworkOptions& options,
                                                      int vocabulary_size) {
  const std::int64_t width = options.hidden;
  std::vector<nn::WeightShape> shapes = {{"embedding", {vocabulary_size, width}}};
  if (options.output_bias) shapes.push_back({"output/bias", {vocabulary_size}});
  for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
    shapes.push_back({concat("node/", l), {l == 0 ? 2 * width : width, 2 * width}});
  }
  return shapes;
}

RecurrentNetwork::RecurrentNetwork(const space::RecurrentCell& cell,
                                   const RecurrentNetworkOptions& options, int vocabulary_size,
                                   std::uint64_t seed)
    : options_(language_model(options)),
      output_bias_(options.output_bias),
      workspace_(std::make_unique<nn::Workspace>()) {
  nn::check_language_model("train", options.hidden, vocabulary_size, options.init_range, options_);
  for (const auto& node : cell.nodes) {
    cell_.nodes.push_back({node.previous, nn::node_function(space::name_of(node.activation))});
  }
  cell_.outputs = cell_outputs(cell, options.cell_output);
  for (const auto& shape : recurrent_network_shapes(cell, options, vocabulary_size)) {
    const at::Tensor value =
        shape.name == "output/bias"
            ? at::zeros(shape.sizes)
            : nn::uniform_weight(shape, options.init_range, seed, Purpose::child_weights);
    weights_.push_back({shape.name, value, /*decays=*/true});
  }
}

nn::LanguageModelWeights RecurrentNetwork::model_weights() const {
  nn::LanguageModelWeights model;
  auto next = weights_.begin();
  model.embedding = (next++)->value;
  if (output_bias_) model.output_bias = (next++)->value;
  for (; next != weights_.end(); ++next) model.cell.push_back(next->value);
  return model;
}

double RecurrentNetwork::multiply_adds() const {
  const at::Tensor& embedding = weights_[0].value;
  return nn::language_model_multiply_adds(cell_, embedding.size(1), embedding.size(0));
}

at::Tensor RecurrentNetwork::initial_state(std::int64_t batch_size) const {
  const at::Tensor& embedding = weights_[0].value;
  return at::zeros({batch_size, embedding.size(1)}, embedding.options());
}

nn::Pass RecurrentNetwork::train(const nn::Batch& batch, at::Tensor& state,
                                 const nn::StepAddress& address, double /*progress*/) const {
  nn::LanguageModelGradient found = nn::language_model_gradient(options_, cell_, model_weights(),
                                                                batch, state, address, *workspace_);
  nn::Pass pass;
  pass.loss = found.loss;
  pass.forward_s = found.forward_s;
  pass.backward_s = found.backward_s;
  pass.gradients = {std::move(found.gradients.embedding)};
  if (output_bias_) pass.gradients.push_back(std::move(found.gradients.output_bias));
  for (at::Tensor& gradient : found.gradients.cell) pass.gradients.push_back(std::move(gradient));
  state = std::move(found.state);
  return pass;
}

nn::Score RecurrentNetwork::score(const nn::Batch& batch, at::Tensor& state) const {
  return nn::language_model_score(options_, cell_, model_weights(), batch, state, *workspace_);
}

}  // namespace enas::child
