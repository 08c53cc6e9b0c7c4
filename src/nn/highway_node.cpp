// SPDX-License-Identifier: Apache-2.0
// Transcendental functions are LibTorch's; the rest is one pass over each row. Every element is
// computed alone, so the bits do not depend on how rows are spread over threads.
#include "nn/highway_node.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <vector>

namespace enas::nn {
namespace {

constexpr std::int64_t kValuesPerThread =
    16384;  // below that a second thread costs more than it helps

std::int64_t grain(std::int64_t width) {
  return std::max<std::int64_t>(1, kValuesPerThread / width);
}

template <typename Scalar>
const Scalar* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<Scalar>() : nullptr;
}

bool has_kernel(const at::Tensor& u) {
  return u.device().is_cpu() && (u.scalar_type() == at::kFloat || u.scalar_type() == at::kDouble);
}

/// [v | t] to [f(v) | σ(t)].
void activate(NodeFunction function, at::Tensor& u) {
  const std::int64_t width = u.size(1) / 2;
  if (function == NodeFunction::sigmoid) {
    u.sigmoid_();
    return;
  }
  u.narrow(1, width, width).sigmoid_();
  if (function == NodeFunction::tanh) u.narrow(1, 0, width).tanh_();
  if (function == NodeFunction::relu) u.narrow(1, 0, width).relu_();
}

template <typename Scalar>
void blend(const HighwayNode& node, const at::Tensor& u, at::Tensor& h, at::Tensor& masked) {
  const std::int64_t width = h.size(1);
  const Scalar* const all_u = u.const_data_ptr<Scalar>();
  const Scalar* const all_carry = node.carry.const_data_ptr<Scalar>();
  const Scalar* const all_mask = masked.defined() ? node.mask.const_data_ptr<Scalar>() : nullptr;
  Scalar* const all_h = h.data_ptr<Scalar>();
  Scalar* const all_masked = masked.defined() ? masked.data_ptr<Scalar>() : nullptr;
  at::parallel_for(0, h.size(0), grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const Scalar* __restrict value = all_u + row * 2 * width;
      const Scalar* __restrict gate = value + width;
      const Scalar* __restrict carry = all_carry + row * width;
      Scalar* __restrict out = all_h + row * width;
      for (std::int64_t i = 0; i < width; ++i) out[i] = carry[i] + gate[i] * (value[i] - carry[i]);
      if (all_masked == nullptr) continue;
      const Scalar* __restrict mask = all_mask + row * width;
      Scalar* __restrict masked_out = all_masked + row * width;
      for (std::int64_t i = 0; i < width; ++i) masked_out[i] = out[i] * mask[i];
    }
  });
}

/// f'(v) as a function of a = f(v).
template <NodeFunction function, typename Scalar>
Scalar slope(Scalar a) {
  if constexpr (function == NodeFunction::tanh) return Scalar(1) - a * a;
  if constexpr (function == NodeFunction::relu) return a > Scalar(0) ? Scalar(1) : Scalar(0);
  if constexpr (function == NodeFunction::sigmoid) return a * (Scalar(1) - a);
  return Scalar(1);
}

template <NodeFunction function, typename Scalar>
void replace_by_gradient(const Scalar* __restrict dh, const Scalar* __restrict carry,
                         Scalar* __restrict value, Scalar* __restrict gate, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    const Scalar a = value[i];
    const Scalar t = gate[i];
    gate[i] = dh[i] * (a - carry[i]) * (t * (Scalar(1) - t));
    value[i] = dh[i] * t * slope<function>(a);
  }
}

/// Pointers to the first row of everything the backward reads.
template <typename Scalar>
struct GradientRows {
  GradientRows(const HighwayNode& node, const HighwayGradient& gradient)
      : top(data_or_null<Scalar>(gradient.top)),
        direct(data_or_null<Scalar>(gradient.direct)),
        masked(data_or_null<Scalar>(gradient.masked)),
        mask(data_or_null<Scalar>(node.mask)),
        top_scale(static_cast<Scalar>(gradient.top_scale)) {}

  void sum_row(std::int64_t offset, std::int64_t width, Scalar* __restrict dh) const {
    std::fill(dh, dh + width, Scalar(0));
    for (std::int64_t i = 0; top != nullptr && i < width; ++i) dh[i] += top[offset + i] * top_scale;
    for (std::int64_t i = 0; direct != nullptr && i < width; ++i) dh[i] += direct[offset + i];
    if (masked == nullptr) return;
    if (mask == nullptr) {
      for (std::int64_t i = 0; i < width; ++i) dh[i] += masked[offset + i];
    } else {
      for (std::int64_t i = 0; i < width; ++i) dh[i] += masked[offset + i] * mask[offset + i];
    }
  }

  const Scalar* top;
  const Scalar* direct;
  const Scalar* masked;
  const Scalar* mask;
  Scalar top_scale;
};

template <NodeFunction function, typename Scalar>
void backward_rows(const HighwayNode& node, const HighwayGradient& gradient, at::Tensor& u,
                   at::Tensor& carry_gradient, bool accumulate) {
  const std::int64_t width = carry_gradient.size(1);
  const GradientRows<Scalar> sources(node, gradient);
  const Scalar* const all_carry = node.carry.const_data_ptr<Scalar>();
  Scalar* const all_u = u.data_ptr<Scalar>();
  Scalar* const all_kept = carry_gradient.data_ptr<Scalar>();
  at::parallel_for(0, u.size(0), grain(width), [&](std::int64_t begin, std::int64_t end) {
    std::vector<Scalar> row_gradient(static_cast<std::size_t>(width));
    Scalar* __restrict dh = row_gradient.data();
    for (std::int64_t row = begin; row < end; ++row) {
      sources.sum_row(row * width, width, dh);
      Scalar* __restrict value = all_u + row * 2 * width;
      Scalar* __restrict gate = value + width;
      Scalar* __restrict kept = all_kept + row * width;
      if (!accumulate) std::fill(kept, kept + width, Scalar(0));
      for (std::int64_t i = 0; i < width; ++i) kept[i] += dh[i] * (Scalar(1) - gate[i]);
      replace_by_gradient<function>(dh, all_carry + row * width, value, gate, width);
    }
  });
}

template <typename Scalar>
void backward_kernel(const HighwayNode& node, const HighwayGradient& gradient, at::Tensor& u,
                     at::Tensor& carry_gradient, bool accumulate) {
  const auto run = [&]<NodeFunction function>() {
    backward_rows<function, Scalar>(node, gradient, u, carry_gradient, accumulate);
  };
  switch (node.function) {
    case NodeFunction::tanh:
      return run.template operator()<NodeFunction::tanh>();
    case NodeFunction::relu:
      return run.template operator()<NodeFunction::relu>();
    case NodeFunction::identity:
      return run.template operator()<NodeFunction::identity>();
    case NodeFunction::sigmoid:
      return run.template operator()<NodeFunction::sigmoid>();
  }
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

void highway_forward(const HighwayNode& node, at::Tensor u, at::Tensor h, at::Tensor masked) {
  if (!has_kernel(u)) {
    highway_forward_reference(node, u, h, masked);
    return;
  }
  activate(node.function, u);
  if (u.scalar_type() == at::kFloat) {
    blend<float>(node, u, h, masked);
  } else {
    blend<double>(node, u, h, masked);
  }
}

void highway_backward(const HighwayNode& node, const HighwayGradient& gradient, at::Tensor u,
                      at::Tensor carry_gradient, bool accumulate) {
  if (!has_kernel(u)) {
    highway_backward_reference(node, gradient, u, carry_gradient, accumulate);
  } else if (u.scalar_type() == at::kFloat) {
    backward_kernel<float>(node, gradient, u, carry_gradient, accumulate);
  } else {
    backward_kernel<double>(node, gradient, u, carry_gradient, accumulate);
  }
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
