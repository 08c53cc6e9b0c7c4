// SPDX-License-Identifier: Apache-2.0
// Rows are spread over threads; what a row becomes is the kernels' or LibTorch's affair.
#include "nn/recurrent/highway_node.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::nn {
namespace {

constexpr std::int64_t kValuesPerThread =
    16384;  // below that a second thread costs more than it helps

std::int64_t grain(std::int64_t width) {
  return std::max<std::int64_t>(1, kValuesPerThread / width);
}

bool has_kernel(const at::Tensor& u) {
  return u.device().is_cpu() && u.scalar_type() == at::kFloat;
}

const float* row_or_null(const at::Tensor& tensor, std::int64_t row) {
  return tensor.defined() ? tensor.const_data_ptr<float>() + row * tensor.size(1) : nullptr;
}

HighwayRows rows_of(const HighwayNode& node, const at::Tensor& u, std::int64_t begin,
                    std::int64_t end) {
  return {node.function,
          end - begin,
          u.size(1) / 2,
          row_or_null(node.carry, begin),
          row_or_null(node.mask, begin),
          u.data_ptr<float>() + begin * u.size(1)};
}

/// [v | t] to [f(v) | σ(t)].
void activate(NodeFunction function, at::Tensor& u) {
  const std::int64_t width = u.size(1) / 2;
  u.narrow(1, width, width).sigmoid_();
  at::Tensor value = u.narrow(1, 0, width);
  if (function == NodeFunction::tanh) value.tanh_();
  if (function == NodeFunction::relu) value.relu_();
  if (function == NodeFunction::sigmoid) value.sigmoid_();
}

at::Tensor slope_of(NodeFunction function, const at::Tensor& a) {
  switch (function) {
    case NodeFunction::tanh:
      return 1 - a * a;
    case NodeFunction::relu:
      return (a > 0).to(a.scalar_type());
    case NodeFunction::identity:
      return at::ones_like(a);
    case NodeFunction::sigmoid:
      break;
  }
  return a * (1 - a);
}

}  // namespace

NodeFunction node_function(std::string_view name) {
  if (name == "tanh") return NodeFunction::tanh;
  if (name == "relu") return NodeFunction::relu;
  if (name == "identity") return NodeFunction::identity;
  if (name == "sigmoid") return NodeFunction::sigmoid;
  throw ContractError(concat("no node function has the name '", name, "'"));
}

void highway_forward(const HighwayNode& node, at::Tensor u, at::Tensor h, at::Tensor masked) {
  if (!has_kernel(u)) {
    highway_forward_reference(node, u, h, masked);
    return;
  }
  const std::int64_t width = h.size(1);
  at::parallel_for(0, h.size(0), grain(width), [&](std::int64_t begin, std::int64_t end) {
    highway_forward_rows(rows_of(node, u, begin, end), h.data_ptr<float>() + begin * width,
                         masked.defined() ? masked.data_ptr<float>() + begin * width : nullptr);
  });
}

void highway_backward(const HighwayNode& node, const HighwayGradient& gradient, at::Tensor u,
                      at::Tensor carry_gradient, bool accumulate) {
  if (!has_kernel(u)) {
    highway_backward_reference(node, gradient, u, carry_gradient, accumulate);
    return;
  }
  const std::int64_t width = carry_gradient.size(1);
  at::parallel_for(0, u.size(0), grain(width), [&](std::int64_t begin, std::int64_t end) {
    const HighwayGradientRows sources = {
        row_or_null(gradient.top, begin), static_cast<float>(gradient.top_scale),
        row_or_null(gradient.direct, begin), row_or_null(gradient.masked, begin)};
    highway_backward_rows(rows_of(node, u, begin, end), sources,
                          carry_gradient.data_ptr<float>() + begin * width, accumulate);
  });
}

void highway_forward_reference(const HighwayNode& node, at::Tensor u, at::Tensor h,
                               at::Tensor masked) {
  activate(node.function, u);
  const std::int64_t width = h.size(1);
  at::addcmul_out(h, node.carry, u.narrow(1, width, width), u.narrow(1, 0, width) - node.carry);
  if (masked.defined()) at::mul_out(masked, h, node.mask);
}

void highway_backward_reference(const HighwayNode& node, const HighwayGradient& gradient,
                                at::Tensor u, at::Tensor carry_gradient, bool accumulate) {
  at::Tensor dh = at::zeros_like(carry_gradient);
  if (gradient.top.defined()) dh.add_(gradient.top, gradient.top_scale);
  if (gradient.direct.defined()) dh.add_(gradient.direct);
  if (gradient.masked.defined()) {
    dh.add_(node.mask.defined() ? gradient.masked * node.mask : gradient.masked);
  }
  const std::int64_t width = dh.size(1);
  const at::Tensor a = u.narrow(1, 0, width).clone();
  const at::Tensor t = u.narrow(1, width, width).clone();
  if (!accumulate) carry_gradient.zero_();
  carry_gradient.add_(dh * (1 - t));
  u.narrow(1, 0, width).copy_(dh * t * slope_of(node.function, a));
  u.narrow(1, width, width).copy_(dh * (a - node.carry) * (t * (1 - t)));
}

}  // namespace enas::nn
