// SPDX-License-Identifier: Apache-2.0
// The weights of all children, and which of them one child trains as a language model.
#include "supernet/recurrent.hpp"

#include <torch/torch.h>

#include <utility>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace enas::supernet {
namespace {

nn::LanguageModelOptions language_model(const RecurrentOptions& options) {
  return {.drop_word = options.drop_word,
          .drop_input = options.drop_input,
          .drop_cell_input = options.drop_cell_input,
          .drop_state = options.drop_state,
          .drop_output = options.drop_output,
          .slowness = options.slowness,
          .activation_l2 = options.activation_l2,
          .fused = options.kernels == Kernels::fused,
          // TF32 is the device's own doing: the operations are those of float32.
          .precision = options.precision == nn::Precision::bfloat16 ? nn::Precision::bfloat16
                                                                    : nn::Precision::float32};
}

/// Where the weights of recurrent_weight_shapes() stand.
struct WeightOrder {
  WeightOrder(const space::RecurrentSpaceOptions& space, const RecurrentOptions& options)
      : functions(options.edge_weights == EdgeWeights::per_function
                      ? static_cast<int>(space.activations.size())
                      : 1),
        first_functions(space.first_node == space::FirstNode::tanh ? 1 : functions),
        norm_begin(options.output_bias ? 2 : 1),
        num_norms(!options.batch_norm   ? 0
                  : options.output_bias ? 1
                                        : 2),
        first_begin(norm_begin + num_norms),
        edge_begin(first_begin + first_functions) {}

  int first(int function) const { return first_begin + (first_functions > 1 ? function : 0); }
  int edge(int node, int previous, int function) const {
    const int edge = node * (node - 1) / 2 + previous;
    return edge_begin + edge * functions + (functions > 1 ? function : 0);
  }

  int functions, first_functions, norm_begin, num_norms, first_begin, edge_begin;
};

}  // namespace

std::vector<WeightShape> recurrent_weight_shapes(const space::RecurrentSpaceOptions& space,
                                                 const RecurrentOptions& options,
                                                 int vocabulary_size) {
  const std::int64_t width = options.hidden;
  std::vector<std::string> suffixes;
  for (const space::Activation activation : space.activations) {
    suffixes.push_back(concat("/", space::name_of(activation)));
  }
  if (options.edge_weights == EdgeWeights::per_edge) suffixes = {""};
  const bool fixed = space.first_node == space::FirstNode::tanh;

  std::vector<WeightShape> shapes = {{"embedding", {vocabulary_size, width}}};
  if (options.output_bias) shapes.push_back({"output/bias", {vocabulary_size}});
  if (options.batch_norm) {
    shapes.push_back({"norm/scale", {width}});
    if (!options.output_bias) shapes.push_back({"norm/offset", {width}});
  }
  for (const std::string& suffix : fixed ? std::vector<std::string>{"/tanh"} : suffixes) {
    shapes.push_back({concat("first", suffix), {2 * width, 2 * width}});
  }
  for (int node = 1; node < space.nodes; ++node) {
    for (int previous = 0; previous < node; ++previous) {
      for (const std::string& suffix : suffixes) {
        shapes.push_back({concat("edge/", node, "/", previous, suffix), {width, 2 * width}});
      }
    }
  }
  return shapes;
}

RecurrentSupernet::RecurrentSupernet(const space::RecurrentSpaceOptions& space,
                                     const RecurrentOptions& options, int vocabulary_size,
                                     std::uint64_t seed)
    : space_(space),
      decisions_(space::recurrent_space(space)),
      options_(options),
      workspace_(std::make_unique<nn::Workspace>()) {
  nn::check_language_model("supernet", options.hidden, vocabulary_size, options.init_range,
                           language_model(options));
  for (const WeightShape& shape : recurrent_weight_shapes(space, options, vocabulary_size)) {
    at::Tensor value;
    if (shape.name == "norm/scale") {
      value = at::ones(shape.sizes);
    } else if (shape.name == "norm/offset" || shape.name == "output/bias") {
      value = at::zeros(shape.sizes);
    } else {
      value = nn::uniform_weight(shape, options.init_range, seed, Purpose::supernet_weights);
    }
    weights_.push_back({shape.name, value, /*decays=*/true});
  }
}

/// One child: its cell and the numbers of its weights.
struct RecurrentSupernet::ActiveCell {
  nn::Cell cell;
  std::vector<int> node_weights;  // for each node
  std::vector<int> norm_weights;  // scale and offset, scale alone, or none
  bool is_without_offset = false;
};

RecurrentSupernet::ActiveCell RecurrentSupernet::active_cell(
    const space::Architecture& architecture) const {
  const space::RecurrentCell cell = space::recurrent_cell(space_, decisions_, architecture);
  const WeightOrder order(space_, options_);
  ActiveCell active;
  const int num_nodes = static_cast<int>(cell.nodes.size());
  for (int l = 0; l < num_nodes; ++l) {
    const auto& node = cell.nodes[static_cast<std::size_t>(l)];
    active.cell.nodes.push_back(
        {node.previous, nn::node_function(space::name_of(node.activation))});
    active.node_weights.push_back(l == 0 ? order.first(node.function)
                                         : order.edge(l, node.previous, node.function));
  }
  active.cell.outputs =
      options_.cell_output == CellOutput::loose_ends ? cell.loose_ends() : cell.searched_nodes();
  active.cell.batch_norm = options_.batch_norm;
  for (int i = 0; i < order.num_norms; ++i) active.norm_weights.push_back(order.norm_begin + i);
  active.is_without_offset = options_.batch_norm && options_.output_bias;
  return active;
}

std::vector<int> RecurrentSupernet::touched(const space::Architecture& architecture) const {
  const ActiveCell active = active_cell(architecture);
  std::vector<int> numbers = {0};  // the embedding
  if (options_.output_bias) numbers.push_back(1);
  numbers.insert(numbers.end(), active.norm_weights.begin(), active.norm_weights.end());
  numbers.insert(numbers.end(), active.node_weights.begin(), active.node_weights.end());
  return numbers;
}

double RecurrentSupernet::forward_flops(const space::Architecture& architecture,
                                        at::IntArrayRef input_sizes) const {
  expect(input_sizes.size() == 2, "inputs of a language model are [T, B]");
  const double tokens = static_cast<double>(input_sizes[0] * input_sizes[1]);
  return 2.0 * tokens *
         nn::language_model_multiply_adds(active_cell(architecture).cell, options_.hidden,
                                          weights_[0].value.size(0));
}

at::Tensor RecurrentSupernet::initial_state(std::int64_t batch_size) const {
  return at::zeros({batch_size, options_.hidden}, weights_[0].value.options());
}

nn::LanguageModelWeights RecurrentSupernet::model_weights(const ActiveCell& active) const {
  const auto value = [&](int number) { return weights_[static_cast<std::size_t>(number)].value; };
  nn::LanguageModelWeights model{.embedding = value(0), .output_bias = {}, .cell = {}};
  if (options_.output_bias) model.output_bias = value(1);
  for (const int number : active.node_weights) model.cell.push_back(value(number));
  for (const int number : active.norm_weights) model.cell.push_back(value(number));
  if (active.is_without_offset) model.cell.emplace_back();
  return model;
}

Pass RecurrentSupernet::gradient(const space::Architecture& architecture, const Batch& batch,
                                 at::Tensor& state, const StepAddress& address) const {
  const ActiveCell active = active_cell(architecture);
  nn::LanguageModelGradient found =
      nn::language_model_gradient(language_model(options_), active.cell, model_weights(active),
                                  batch, state, address, *workspace_);
  state = std::move(found.state);

  Pass result;
  result.loss = found.loss;
  result.forward_s = found.forward_s;
  result.backward_s = found.backward_s;
  // In the order of touched(), which has norms before nodes.
  nn::LanguageModelWeights& gradients = found.gradients;
  result.gradients = {std::move(gradients.embedding)};
  if (options_.output_bias) result.gradients.push_back(std::move(gradients.output_bias));
  const auto norms =
      gradients.cell.begin() + static_cast<std::ptrdiff_t>(active.node_weights.size());
  const auto end = norms + static_cast<std::ptrdiff_t>(active.norm_weights.size());
  result.gradients.insert(result.gradients.end(), norms, end);
  result.gradients.insert(result.gradients.end(), gradients.cell.begin(), norms);
  return result;
}

Score RecurrentSupernet::score(const space::Architecture& architecture, const Batch& batch,
                               at::Tensor& state) const {
  const ActiveCell active = active_cell(architecture);
  return nn::language_model_score(language_model(options_), active.cell, model_weights(active),
                                  batch, state, *workspace_);
}

}  // namespace enas::supernet
