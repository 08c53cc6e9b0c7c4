// SPDX-License-Identifier: Apache-2.0
// The x part of node 0 is one product over all steps; the backward through time computes gradients
// of activations only, and each weight's gradient is one product over all steps at the end.
#include "nn/recurrent/segment.hpp"

#include "core/error.hpp"
#include "nn/kernel/product.hpp"
#include "nn/recurrent/highway_node.hpp"
#include "nn/recurrent/segment_rows.hpp"

namespace enas::nn {

Segment::Segment(const Cell& cell_, const at::Tensor& x_, const at::Tensor& state_,
                 const std::vector<at::Tensor>& weights_, Workspace& workspace_,
                 Precision precision_, bool keep_)
    : cell(cell_),
      x(x_.detach().contiguous()),
      state(state_.detach().contiguous()),
      workspace(&workspace_),
      use(workspace_.begin_use()),
      precision(precision_),
      keep(keep_),
      steps(x_.size(0)),
      batch(x_.size(1)),
      width(x_.size(2)),
      is_output(cell_.nodes.size(), false),
      is_read(cell_.nodes.size(), false) {
  expect(weights_.size() == cell.nodes.size() + (cell.batch_norm ? 2 : 0),
         "one weight for each node");
  for (const at::Tensor& weight : weights_) {
    weights.push_back(weight.detach().contiguous());
  }
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
  if (precision != Precision::bfloat16) return;
  factor_x = as_factor(x.view({steps * batch, width}), precision);
  for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
    factor_weights.push_back(as_factor(state_weight(l), precision));
  }
  factor_nodes = workspace->take("segment/factor_nodes", {count + 1, kept, batch, width},
                                 options.dtype(at::kBFloat16));
  if (keep) {
    factor_u = workspace->take("segment/factor_u", {count, kept, batch, 2 * width},
                               options.dtype(at::kBFloat16));
  }
}

at::Tensor Segment::forward() {
  outputs = at::empty({steps, batch, width}, x.options());
  product_out(first_u.view({steps * batch, 2 * width}), flat_x(), weights[0].narrow(0, 0, width),
              precision);
  if (has_segment_rows(*this)) {
    forward_rows(*this);
  } else {
    for (std::int64_t t = 0; t < steps; ++t) forward_step(t);
  }
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
    product_out(u, masked_at(node.previous, t), factor_weight(l), precision, /*accumulate=*/l == 0);
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
  if (cell.outputs.size() > 1) out.mul_(top_scale());
  if (cell.batch_norm) apply_batch_norm(t);
}

void Segment::apply_batch_norm(std::int64_t t) {
  at::Tensor out = outputs.select(0, t);
  at::Tensor inverse = inverse_deviation.select(0, slot(t));
  at::Tensor centred = normed.select(0, slot(t));
  at::sub_out(centred, out, out.mean(0));
  inverse.copy_(at::rsqrt(centred.square().mean(0) + kBatchNormEpsilon));
  centred.mul_(inverse);
  at::addcmul_out(out, weights.back(), centred, weights[weights.size() - 2]);
}

std::vector<at::Tensor> Segment::backward(const at::Tensor& output_gradients) {
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
  has_factors = precision == Precision::bfloat16 && has_segment_rows(*this);
  const at::Tensor state_gradient = has_segment_rows(*this) ? backward_rows(*this, output_gradients)
                                                            : backward_steps(output_gradients);
  at::Tensor x_gradient = at::empty({steps, batch, width}, x.options());
  product_out(x_gradient.view({steps * batch, width}), gradient_factor(0),
              weights[0].narrow(0, 0, width).t(), precision);
  std::vector<at::Tensor> gradients = {x_gradient, state_gradient};
  for (at::Tensor& gradient : weight_gradients()) gradients.push_back(std::move(gradient));
  return gradients;
}

at::Tensor Segment::backward_steps(const at::Tensor& output_gradients) {
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
  return top;
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
    gradient.top_scale = top_scale();
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
    product_out(masked_gradient.select(0, source_row), u, factor_weight(l).t(), precision,
                reached[source]);
    reached[source] = true;
  }
}

std::vector<at::Tensor> Segment::weight_gradients() {
  std::vector<at::Tensor> gradients;
  for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
    const at::Tensor u = gradient_factor(l);
    at::Tensor gradient = at::empty_like(weights[l]);
    if (l == 0) product_out(gradient.narrow(0, 0, width), flat_x().t(), u, precision);
    product_out(l == 0 ? gradient.narrow(0, width, width) : gradient,
                read_factor(cell.nodes[l].previous).t(), u, precision);
    gradients.push_back(gradient);
  }
  if (cell.batch_norm) {
    gradients.push_back((norm_gradients * normed).sum({0, 1}));
    gradients.push_back(norm_gradients.sum({0, 1}));
  }
  return gradients;
}

}  // namespace enas::nn
