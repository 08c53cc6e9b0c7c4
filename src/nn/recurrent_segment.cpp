// SPDX-License-Identifier: Apache-2.0
// The x part of node 0 is one product over all steps; the backward through time computes gradients
// of activations only, and each weight's gradient is one product over all steps at the end.
#include "nn/recurrent_segment.hpp"

#include <torch/torch.h>

#include <memory>

#include "core/error.hpp"

namespace enas::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Sizes and buffers of one segment, filled by the forward and used up by the backward. Without
/// `keep` the buffers hold one time step.
struct Segment : torch::CustomClassHolder {
  Segment(const Cell& cell_, const at::Tensor& x_, const at::Tensor& state_,
          const variable_list& weights_, Workspace& workspace_, bool keep_);

  at::Tensor forward();
  variable_list backward(const at::Tensor& output_gradients);

  std::int64_t slot(std::int64_t t) const { return keep ? t : 0; }
  at::Tensor state_at(std::int64_t t) const { return t == 0 ? state : outputs.select(0, t - 1); }
  at::Tensor node_at(std::size_t node, std::int64_t t) const {
    return nodes.select(0, static_cast<std::int64_t>(node)).select(0, slot(t));
  }
  /// What the products read of `node` (-1: the state) at step t.
  at::Tensor masked_at(int node, std::int64_t t) const {
    return masked_steps(node).select(0, slot(t));
  }
  at::Tensor masked_steps(int node) const {
    if (node < 0) return masked_state;
    return cell.state_mask.defined() ? masked_nodes.select(0, node) : nodes.select(0, node);
  }
  /// Pre-activations, then [f(v) | σ(t)], then gradients of pre-activations of a node at step t.
  at::Tensor u_at(std::size_t node, std::int64_t t) const {
    return node == 0 ? first_u.select(0, t)
                     : node_u.select(0, static_cast<std::int64_t>(node) - 1).select(0, slot(t));
  }
  at::Tensor u_steps(std::size_t node) const {
    return node == 0 ? first_u : node_u.select(0, static_cast<std::int64_t>(node) - 1);
  }
  /// The matrix of a node's product with state or earlier node: for node 0 the lower half of its
  /// weight.
  at::Tensor state_weight(std::size_t node) const {
    return node == 0 ? weights[0].narrow(0, width, width) : weights[node];
  }

  void forward_step(std::int64_t t);
  void average(std::int64_t t);
  void backward_step(std::int64_t t, const at::Tensor& top);
  at::Tensor through_batch_norm(std::int64_t t, const at::Tensor& gradient);
  variable_list weight_gradients();

  Cell cell;
  at::Tensor x, state;
  variable_list weights;
  Workspace* workspace;
  std::uint64_t use;
  bool keep;
  std::int64_t steps, batch, width;
  std::vector<bool> is_output, is_read;

  at::Tensor outputs;                            // [T, B, H]
  at::Tensor first_u, node_u;                    // [T, B, 2H], [N-1, T, B, 2H]
  at::Tensor nodes, masked_nodes, masked_state;  // [N, T, B, H] twice, [T, B, H]
  at::Tensor normed, inverse_deviation;          // [T, B, H], [T, H]: batch norm's
  at::Tensor norm_gradients;                     // [T, B, H]: gradients of the batch norm's output
  at::Tensor direct, masked_gradient;            // [N+1, B, H] twice: row 0 the state's
};

Segment::Segment(const Cell& cell_, const at::Tensor& x_, const at::Tensor& state_,
                 const variable_list& weights_, Workspace& workspace_, bool keep_)
    : cell(cell_),
      x(x_.detach().contiguous()),
      state(state_.detach().contiguous()),
      workspace(&workspace_),
      use(workspace_.begin_use()),
      keep(keep_),
      steps(x_.size(0)),
      batch(x_.size(1)),
      width(x_.size(2)),
      is_output(cell_.nodes.size(), false),
      is_read(cell_.nodes.size(), false) {
  expect(weights_.size() == cell.nodes.size() + (cell.batch_norm ? 2 : 0),
         "one weight for each node");
  for (const at::Tensor& weight : weights_) weights.push_back(weight.detach());
  for (const int node : cell.outputs) is_output[static_cast<std::size_t>(node)] = true;
  for (const CellNode& node : cell.nodes) {
    if (node.previous >= 0) is_read[static_cast<std::size_t>(node.previous)] = true;
  }
  const auto options = x.options();
  const std::int64_t kept = keep ? steps : 1;
  const auto count = static_cast<std::int64_t>(cell.nodes.size());
  first_u = workspace->take("segment/first_u", {steps, batch, 2 * width}, options);
  node_u = workspace->take("segment/node_u", {count - 1, kept, batch, 2 * width}, options);
  nodes = workspace->take("segment/nodes", {count, kept, batch, width}, options);
  masked_state = workspace->take("segment/masked_state", {kept, batch, width}, options);
  if (cell.state_mask.defined()) {
    masked_nodes = workspace->take("segment/masked_nodes", {count, kept, batch, width}, options);
  }
  if (cell.batch_norm) {
    normed = workspace->take("segment/normed", {kept, batch, width}, options);
    inverse_deviation = workspace->take("segment/inverse_deviation", {kept, width}, options);
  }
}

at::Tensor Segment::forward() {
  outputs = at::empty({steps, batch, width}, x.options());
  at::Tensor flat_u = first_u.view({steps * batch, 2 * width});
  at::mm_out(flat_u, x.view({steps * batch, width}), weights[0].narrow(0, 0, width));
  for (std::int64_t t = 0; t < steps; ++t) forward_step(t);
  return outputs;
}

void Segment::forward_step(std::int64_t t) {
  at::Tensor masked = masked_at(-1, t);
  if (cell.state_mask.defined()) {
    at::mul_out(masked, state_at(t), cell.state_mask);
  } else {
    masked.copy_(state_at(t));
  }
  for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
    const CellNode& node = cell.nodes[l];
    at::Tensor u = u_at(l, t);
    if (l == 0) {
      at::addmm_out(u, u, masked, state_weight(0));
    } else {
      at::mm_out(u, masked_at(node.previous, t), weights[l]);
    }
    const at::Tensor carry =
        l == 0 ? state_at(t) : node_at(static_cast<std::size_t>(node.previous), t);
    const bool needs_masked = cell.state_mask.defined() && is_read[l];
    highway_forward({node.function, carry, cell.state_mask}, u, node_at(l, t),
                    needs_masked ? masked_at(static_cast<int>(l), t) : at::Tensor());
  }
  average(t);
}

void Segment::average(std::int64_t t) {
  at::Tensor out = outputs.select(0, t);
  out.copy_(node_at(static_cast<std::size_t>(cell.outputs[0]), t));
  for (std::size_t i = 1; i < cell.outputs.size(); ++i) {
    out.add_(node_at(static_cast<std::size_t>(cell.outputs[i]), t));
  }
  if (cell.outputs.size() > 1) out.mul_(1.0 / static_cast<double>(cell.outputs.size()));
  if (!cell.batch_norm) return;
  at::Tensor inverse = inverse_deviation.select(0, slot(t));
  at::Tensor centred = normed.select(0, slot(t));
  at::sub_out(centred, out, out.mean(0));
  inverse.copy_(at::rsqrt(centred.square().mean(0) + kBatchNormEpsilon));
  centred.mul_(inverse);
  at::addcmul_out(out, weights.back(), centred, weights[weights.size() - 2]);
}

variable_list Segment::backward(const at::Tensor& output_gradients) {
  expect(use == workspace->current_use(),
         "the workspace of a recurrent segment was used again before its backward");
  workspace->begin_use();  // the buffers are overwritten, so a second backward must not run
  const auto count = static_cast<std::int64_t>(cell.nodes.size());
  direct = workspace->take("segment/direct", {count + 1, batch, width}, x.options());
  masked_gradient =
      workspace->take("segment/masked_gradient", {count + 1, batch, width}, x.options());
  if (cell.batch_norm) {
    norm_gradients = workspace->take("segment/norm_gradients", {steps, batch, width}, x.options());
  }
  at::Tensor top = at::empty({batch, width}, x.options());
  const auto add_state_gradient = [&] {
    top.add_(direct.select(0, 0));
    if (cell.state_mask.defined()) {
      top.addcmul_(masked_gradient.select(0, 0), cell.state_mask);
    } else {
      top.add_(masked_gradient.select(0, 0));
    }
  };
  for (std::int64_t t = steps - 1; t >= 0; --t) {
    top.copy_(output_gradients.select(0, t));
    if (t + 1 < steps) add_state_gradient();
    backward_step(t, cell.batch_norm ? through_batch_norm(t, top) : top);
  }
  top.zero_();
  add_state_gradient();
  at::Tensor x_gradient =
      at::mm(first_u.view({steps * batch, 2 * width}), weights[0].narrow(0, 0, width).t())
          .view({steps, batch, width});
  variable_list gradients = {x_gradient, top};
  for (at::Tensor& gradient : weight_gradients()) gradients.push_back(std::move(gradient));
  return gradients;
}

at::Tensor Segment::through_batch_norm(std::int64_t t, const at::Tensor& gradient) {
  norm_gradients.select(0, t).copy_(gradient);
  const at::Tensor hat = normed.select(0, t);
  const at::Tensor scaled = gradient * weights[weights.size() - 2];
  return inverse_deviation.select(0, t) * (scaled - scaled.mean(0) - hat * (scaled * hat).mean(0));
}

void Segment::backward_step(std::int64_t t, const at::Tensor& top) {
  std::vector<bool> reached(cell.nodes.size() + 1, false);
  for (std::size_t l = cell.nodes.size(); l-- > 0;) {
    const CellNode& node = cell.nodes[l];
    const auto reader = static_cast<std::int64_t>(l) + 1;
    HighwayGradient gradient;
    gradient.top_scale = 1.0 / static_cast<double>(cell.outputs.size());
    if (is_output[l]) gradient.top = top;
    if (is_read[l]) {
      gradient.direct = direct.select(0, reader);
      gradient.masked = masked_gradient.select(0, reader);
    }
    const auto source = static_cast<std::size_t>(node.previous + 1);
    const auto source_row = static_cast<std::int64_t>(source);
    const at::Tensor carry = l == 0 ? state_at(t) : node_at(source - 1, t);
    at::Tensor u = u_at(l, t);
    highway_backward({node.function, carry, cell.state_mask}, gradient, u,
                     direct.select(0, source_row), reached[source]);
    at::Tensor product = masked_gradient.select(0, source_row);
    if (reached[source]) {
      at::addmm_out(product, product, u, state_weight(l).t());
    } else {
      at::mm_out(product, u, state_weight(l).t());
    }
    reached[source] = true;
  }
}

variable_list Segment::weight_gradients() {
  variable_list gradients;
  const std::int64_t rows = steps * batch;
  for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
    const at::Tensor u = u_steps(l).view({rows, 2 * width});
    const at::Tensor read = masked_steps(cell.nodes[l].previous).view({rows, width});
    at::Tensor gradient = at::empty_like(weights[l]);
    if (l == 0) {
      at::Tensor upper = gradient.narrow(0, 0, width);
      at::mm_out(upper, x.view({rows, width}).t(), u);
    }
    at::Tensor lower = l == 0 ? gradient.narrow(0, width, width) : gradient;
    at::mm_out(lower, read.t(), u);
    gradients.push_back(gradient);
  }
  if (cell.batch_norm) {
    gradients.push_back((norm_gradients * normed).sum({0, 1}));
    gradients.push_back(norm_gradients.sum({0, 1}));
  }
  return gradients;
}

struct SegmentFunction : torch::autograd::Function<SegmentFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& state,
                            at::TensorList weights, const Cell* cell, Workspace* workspace) {
    auto segment = c10::make_intrusive<Segment>(*cell, x, state, weights.vec(), *workspace, true);
    at::Tensor outputs = segment->forward();
    // Kept under another handle: the returned one will own this context.
    segment->outputs = outputs.detach();
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto segment =
        c10::static_intrusive_pointer_cast<Segment>(context->saved_data["segment"].toCapsule());
    variable_list result = segment->backward(gradients[0]);
    result.resize(result.size() + 2);  // cell and workspace
    return result;
  }
};

at::Tensor apply(NodeFunction function, const at::Tensor& value) {
  switch (function) {
    case NodeFunction::tanh:
      return value.tanh();
    case NodeFunction::relu:
      return value.relu();
    case NodeFunction::identity:
      return value;
    case NodeFunction::sigmoid:
      break;
  }
  return value.sigmoid();
}

}  // namespace

at::Tensor recurrent_segment(const Cell& cell, const at::Tensor& x, const at::Tensor& state,
                             const std::vector<at::Tensor>& weights, Workspace& workspace) {
  if (at::GradMode::is_enabled()) {
    return SegmentFunction::apply(x, state, at::TensorList(weights), &cell, &workspace);
  }
  return Segment(cell, x, state, weights, workspace, false).forward();
}

at::Tensor recurrent_segment_reference(const Cell& cell, const at::Tensor& x,
                                       const at::Tensor& state,
                                       const std::vector<at::Tensor>& weights) {
  const auto masked = [&](const at::Tensor& value) {
    return cell.state_mask.defined() ? value * cell.state_mask : value;
  };
  at::Tensor carried = state;
  std::vector<at::Tensor> outputs;
  for (std::int64_t t = 0; t < x.size(0); ++t) {
    std::vector<at::Tensor> h;
    for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
      const int previous = cell.nodes[l].previous;
      const at::Tensor carry = l == 0 ? carried : h[static_cast<std::size_t>(previous)];
      const at::Tensor read = l == 0 ? at::cat({x[t], masked(carry)}, 1) : masked(carry);
      const auto parts = read.mm(weights[l]).chunk(2, 1);
      h.push_back(carry + parts[1].sigmoid() * (apply(cell.nodes[l].function, parts[0]) - carry));
    }
    std::vector<at::Tensor> averaged;
    for (const int node : cell.outputs) averaged.push_back(h[static_cast<std::size_t>(node)]);
    carried = at::stack(averaged).mean(0);
    if (cell.batch_norm) {
      const at::Tensor centred = carried - carried.mean(0);
      const at::Tensor variance = centred.square().mean(0);
      carried = centred / (variance + kBatchNormEpsilon).sqrt() * weights[weights.size() - 2] +
                weights.back();
    }
    outputs.push_back(carried);
  }
  return at::stack(outputs);
}

}  // namespace enas::nn
