// SPDX-License-Identifier: Apache-2.0
// Embedding, dropout masks, searched cell, tied output layer and penalties of one child.
#include "supernet/recurrent.hpp"

#include <torch/torch.h>

#include <functional>
#include <span>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "nn/cross_entropy.hpp"
#include "nn/recurrent_segment.hpp"
#include "nn/workspace.hpp"

namespace enas::supernet {
namespace {

void check(const RecurrentOptions& options, int vocabulary_size) {
  if (options.hidden < 1) {
    throw ConfigError(concat("supernet.hidden is ", options.hidden, "; it must be at least 1"));
  }
  if (vocabulary_size < 2) {
    throw ConfigError(
        concat("the vocabulary has ", vocabulary_size, " words; it must have at least 2"));
  }
  if (!(options.init_range >= 0.0)) {
    throw ConfigError(
        concat("supernet.init_range is ", options.init_range, "; it must be 0 or more"));
  }
  const std::pair<const char*, double> drops[] = {{"drop_word", options.drop_word},
                                                  {"drop_input", options.drop_input},
                                                  {"drop_cell_input", options.drop_cell_input},
                                                  {"drop_state", options.drop_state},
                                                  {"drop_output", options.drop_output}};
  for (const auto& [name, drop] : drops) {
    if (!(drop >= 0.0 && drop < 1.0)) {
      throw ConfigError(concat("supernet.", name, " is ", drop, "; it must be in [0, 1)"));
    }
  }
}

nn::NodeFunction node_function(space::Activation activation) {
  switch (activation) {
    case space::Activation::tanh:
      return nn::NodeFunction::tanh;
    case space::Activation::relu:
      return nn::NodeFunction::relu;
    case space::Activation::identity:
      return nn::NodeFunction::identity;
    case space::Activation::sigmoid:
      break;
  }
  return nn::NodeFunction::sigmoid;
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

void apply_mask(at::Tensor& values, const at::Tensor& mask) {
  if (mask.defined()) values.mul_(mask);
}

/// The dropout masks of one training pass; undefined tensors stand for "no mask".
struct Masks {
  Masks(const RecurrentOptions& options, const StepAddress& address_, std::int64_t vocabulary_size,
        std::int64_t batch_size, at::Device device_)
      : address(address_), device(device_) {
    const std::int64_t width = options.hidden;
    word = make(DropoutMask::word, options.drop_word, {vocabulary_size});
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
at::Tensor eager_logits(const at::Tensor& outputs, const at::Tensor& embedding,
                        const at::Tensor& bias) {
  const at::Tensor rows = outputs.view({-1, outputs.size(2)});
  return bias.defined() ? at::addmm(bias, rows, embedding.t()) : rows.mm(embedding.t());
}

/// The factors of the logits. A bias is one more column of the embedding, read by a column of ones.
struct OutputLayer {
  OutputLayer(const at::Tensor& outputs, const at::Tensor& tied, const at::Tensor& bias)
      : rows(outputs.view({-1, outputs.size(2)})), embedding(tied) {
    if (!bias.defined()) return;
    rows = at::cat({rows, at::ones({rows.size(0), 1}, rows.options().requires_grad(false))}, 1);
    embedding = at::cat({tied, bias.unsqueeze(1)}, 1);
  }
  at::Tensor rows;       // [T·B, H (+1)]
  at::Tensor embedding;  // [V, H (+1)]
};

/// The cross-entropy plus the penalties on the cell's outputs [T, B, H].
at::Tensor with_penalties(const RecurrentOptions& options, const at::Tensor& cross_entropy,
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
      workspace_(std::make_shared<nn::Workspace>()) {
  check(options, vocabulary_size);
  const auto range = static_cast<float>(options.init_range);
  for (const WeightShape& shape : recurrent_weight_shapes(space, options, vocabulary_size)) {
    at::Tensor value = at::empty(shape.sizes, at::kFloat);
    nn::prefer_large_pages(value);
    if (shape.name == "norm/scale") {
      value.fill_(1.0);
    } else if (shape.name == "norm/offset" || shape.name == "output/bias") {
      value.zero_();
    } else {
      RandomStream stream(seed, {Purpose::supernet_weights, name_address(shape.name)});
      stream.fill_uniform({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())},
                          -range, range);
    }
    weights_.push_back({shape.name, value, /*decays=*/true});
  }
}

/// One child: its cell and the numbers of its weights.
struct RecurrentSupernet::ActiveCell {
  nn::Cell cell;
  std::vector<int> node_weights;  // for each node
  std::vector<int> norm_weights;  // scale and offset, scale alone, or none
  at::Tensor no_offset;           // zeros in place of an offset

  /// In the order of nn::recurrent_segment.
  std::vector<at::Tensor> segment_weights(const std::function<at::Tensor(int)>& weight) const {
    std::vector<at::Tensor> result;
    for (const int number : node_weights) result.push_back(weight(number));
    for (const int number : norm_weights) result.push_back(weight(number));
    if (no_offset.defined()) result.push_back(no_offset);
    return result;
  }
};

RecurrentSupernet::ActiveCell RecurrentSupernet::active_cell(
    const space::Architecture& architecture) const {
  const space::RecurrentCell cell = space::recurrent_cell(space_, architecture);
  const WeightOrder order(space_, options_);
  ActiveCell active;
  const int num_nodes = static_cast<int>(cell.nodes.size());
  for (int l = 0; l < num_nodes; ++l) {
    const auto& node = cell.nodes[static_cast<std::size_t>(l)];
    active.cell.nodes.push_back({node.previous, node_function(node.activation)});
    active.node_weights.push_back(l == 0 ? order.first(node.function)
                                         : order.edge(l, node.previous, node.function));
  }
  if (options_.cell_output == CellOutput::loose_ends) {
    active.cell.outputs = cell.loose_ends();
  } else {
    const bool skip_first = space_.first_node == space::FirstNode::tanh && num_nodes > 1;
    for (int l = skip_first ? 1 : 0; l < num_nodes; ++l) active.cell.outputs.push_back(l);
  }
  active.cell.batch_norm = options_.batch_norm;
  for (int i = 0; i < order.num_norms; ++i) active.norm_weights.push_back(order.norm_begin + i);
  if (options_.batch_norm && options_.output_bias) {
    active.no_offset = at::zeros({options_.hidden}, weights_[0].value.options());
  }
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
  const double width = options_.hidden;
  const double tokens = static_cast<double>(input_sizes[0] * input_sizes[1]);
  const std::size_t num_nodes = space::recurrent_cell(space_, architecture).nodes.size();
  // Node 0 reads input and state, every other node one earlier node.
  const double cell = static_cast<double>(num_nodes + 1) * width * 2.0 * width;
  const double output = static_cast<double>(weights_[0].value.size(0)) * width;
  return 2.0 * tokens * (cell + output);
}

at::Tensor RecurrentSupernet::initial_state(std::int64_t batch_size) const {
  return at::zeros({batch_size, options_.hidden}, weights_[0].value.options());
}

at::Tensor RecurrentSupernet::cell_outputs(const ActiveCell& active, const at::Tensor& x,
                                           const at::Tensor& state,
                                           const std::function<at::Tensor(int)>& weight) const {
  const std::vector<at::Tensor> weights = active.segment_weights(weight);
  return options_.kernels == Kernels::fused
             ? nn::recurrent_segment(active.cell, x, state, weights, *workspace_,
                                     options_.precision)
             : nn::recurrent_segment_reference(active.cell, x, state, weights);
}

SlotGradient RecurrentSupernet::gradient(const space::Architecture& architecture,
                                         const Batch& batch, at::Tensor& state,
                                         const StepAddress& address) const {
  check_batch(batch, state, options_.hidden);
  Stopwatch watch;
  const at::AutoGradMode with_gradients(true);  // whatever the caller's mode is
  const at::Tensor& embedding = weights_[0].value;
  const Masks masks(options_, address, embedding.size(0), batch.input.size(1), embedding.device());
  ActiveCell active = active_cell(architecture);
  active.cell.state_mask = masks.state;

  // Leaves in the order of touched(); fused kernels add the cell's input behind them.
  const bool is_fused = options_.kernels == Kernels::fused;
  std::vector<at::Tensor> leaves;
  std::vector<at::Tensor> leaf_of(weights_.size());
  for (const int number : touched(architecture)) {
    const auto index = static_cast<std::size_t>(number);
    leaf_of[index] = weights_[index].value.detach().requires_grad_();
    leaves.push_back(leaf_of[index]);
  }
  at::Tensor x = is_fused ? embed(embedding, batch.input) : at::embedding(leaf_of[0], batch.input);
  masks.apply_to_input(x, batch.input);
  if (is_fused) leaves.push_back(x.requires_grad_());

  const at::Tensor outputs = cell_outputs(
      active, x, state, [&](int number) { return leaf_of[static_cast<std::size_t>(number)]; });
  const at::Tensor dropped = masks.output.defined() ? outputs * masks.output : outputs;
  const at::Tensor bias = options_.output_bias ? leaf_of[1] : at::Tensor();
  const at::Tensor target = batch.target.reshape(-1);
  at::Tensor cross_entropy;
  if (is_fused) {
    const OutputLayer layer(dropped, leaf_of[0], bias);
    cross_entropy =
        nn::cross_entropy(layer.rows, layer.embedding, target, *workspace_, options_.precision);
  } else {
    cross_entropy = at::cross_entropy_loss(eager_logits(dropped, leaf_of[0], bias), target);
  }

  SlotGradient result;
  result.forward_s = watch.restart();
  result.gradients =
      torch::autograd::grad({with_penalties(options_, cross_entropy, outputs)}, leaves);
  if (is_fused) {
    at::Tensor x_gradient = result.gradients.back();
    result.gradients.pop_back();
    masks.apply_to_input(x_gradient, batch.input);
    // With an output bias it is a part of a wider matrix.
    result.gradients[0] = result.gradients[0].contiguous();
    result.gradients[0].index_add_(0, batch.input.reshape(-1),
                                   x_gradient.view({-1, options_.hidden}));
  }
  for (at::Tensor& gradient : result.gradients) gradient = gradient.contiguous();
  result.loss = cross_entropy.item<double>();
  state = outputs.select(0, outputs.size(0) - 1).detach().clone();
  result.backward_s = watch.seconds();
  return result;
}

Score RecurrentSupernet::score(const space::Architecture& architecture, const Batch& batch,
                               at::Tensor& state) const {
  check_batch(batch, state, options_.hidden);
  const at::NoGradGuard no_gradients;
  const ActiveCell active = active_cell(architecture);
  const at::Tensor& embedding = weights_[0].value;
  const at::Tensor outputs =
      cell_outputs(active, embed(embedding, batch.input), state,
                   [&](int number) { return weights_[static_cast<std::size_t>(number)].value; });
  state = outputs.select(0, outputs.size(0) - 1).clone();
  const at::Tensor bias = options_.output_bias ? weights_[1].value : at::Tensor();
  const at::Tensor target = batch.target.reshape(-1);
  Score score{0.0, /*correct=*/0, target.numel()};
  if (options_.kernels == Kernels::fused) {
    const OutputLayer layer(outputs, embedding, bias);
    score.nats = nn::cross_entropy_total(layer.rows, layer.embedding, target, *workspace_,
                                         options_.precision);
  } else {
    score.nats = at::cross_entropy_loss(eager_logits(outputs, embedding, bias), target, {},
                                        at::Reduction::Sum)
                     .item<double>();
  }
  return score;
}

}  // namespace enas::supernet
