// SPDX-License-Identifier: Apache-2.0
// The autograd function around a segment, and its definition in plain expressions.
#include "nn/recurrent/recurrent_segment.hpp"

#include <torch/torch.h>

#include <memory>

#include "nn/recurrent/segment.hpp"

namespace enas::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A segment that autograd keeps until the backward.
struct SavedSegment : torch::CustomClassHolder {
  SavedSegment(const Cell& cell, const at::Tensor& x, const at::Tensor& state,
               const std::vector<at::Tensor>& weights, Workspace& workspace, Precision precision)
      : segment(cell, x, state, weights, workspace, precision, /*keep_=*/true) {}
  Segment segment;
};

struct SegmentFunction : torch::autograd::Function<SegmentFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& state,
                            at::TensorList weights, const Cell* cell, Workspace* workspace,
                            Precision precision) {
    auto saved =
        c10::make_intrusive<SavedSegment>(*cell, x, state, weights.vec(), *workspace, precision);
    at::Tensor outputs = saved->segment.forward();
    // Kept under another handle: the returned one will own this context.
    saved->segment.outputs = outputs.detach();
    context->saved_data["segment"] = c10::IValue::make_capsule(saved);
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = c10::static_intrusive_pointer_cast<SavedSegment>(
        context->saved_data["segment"].toCapsule());
    variable_list result = saved->segment.backward(gradients[0]);
    result.resize(result.size() + 3);  // cell, workspace and precision
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
                             const std::vector<at::Tensor>& weights, Workspace& workspace,
                             Precision precision) {
  if (at::GradMode::is_enabled()) {
    return SegmentFunction::apply(x, state, at::TensorList(weights), &cell, &workspace, precision);
  }
  return Segment(cell, x, state, weights, workspace, precision, false).forward();
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
