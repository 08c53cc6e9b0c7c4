// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/highway_kernel.hpp"

#include "nn/kernel/simd_targets.hpp"

#define HWY_TARGET_INCLUDE "nn/kernel/highway_kernel.cpp"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include "nn/kernel/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

template <NodeFunction function>
HWY_INLINE Vector value_of(Vector v) {
  if constexpr (function == NodeFunction::tanh) return tanh_of(v);
  // Like LibTorch's, NaN stays NaN.
  if constexpr (function == NodeFunction::relu) {
    return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(Full())), v);
  }
  if constexpr (function == NodeFunction::sigmoid) return sigmoid_of(v);
  return v;
}

// f'(v) as a function of a = f(v).
template <NodeFunction function>
HWY_INLINE Vector slope_of(Vector a) {
  const Vector one = constant(1.0F);
  if constexpr (function == NodeFunction::tanh) return hn::NegMulAdd(a, a, one);
  if constexpr (function == NodeFunction::relu) {
    return hn::IfThenElseZero(hn::Gt(a, hn::Zero(Full())), one);
  }
  if constexpr (function == NodeFunction::sigmoid) return hn::Mul(a, hn::Sub(one, a));
  return one;
}

struct Whole {
  static HWY_INLINE Vector load(const float* p) { return hn::LoadU(Full(), p); }
  static HWY_INLINE void store(Vector v, float* p) { hn::StoreU(v, Full(), p); }
};
struct Part {
  std::size_t count;
  HWY_INLINE Vector load(const float* p) const { return load_first(Full(), p, count); }
  HWY_INLINE void store(Vector v, float* p) const { store_first(v, Full(), p, count); }
};

template <NodeFunction function, bool has_mask, class Access>
HWY_INLINE void forward_vector(const Access& access, std::int64_t width, float* value,
                               const float* carry, const float* mask, float* h, float* masked) {
  float* const gate = value + width;
  const Vector a = value_of<function>(access.load(value));
  const Vector t = sigmoid_of(access.load(gate));
  const Vector c = access.load(carry);
  const Vector out = hn::MulAdd(t, hn::Sub(a, c), c);
  access.store(a, value);
  access.store(t, gate);
  access.store(out, h);
  if constexpr (has_mask) access.store(hn::Mul(out, access.load(mask)), masked);
}

template <NodeFunction function, bool has_mask>
void forward_rows(const HighwayRows& node, float* h, float* masked) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Full()));
  for (std::int64_t row = 0; row < node.rows; ++row) {
    const std::int64_t first = row * node.width;
    float* const value = node.u + 2 * first;
    std::int64_t i = 0;
    const auto run = [&](const auto& access) HWY_ATTR {
      forward_vector<function, has_mask>(access, node.width, value + i, node.carry + first + i,
                                         has_mask ? node.mask + first + i : nullptr, h + first + i,
                                         has_mask ? masked + first + i : nullptr);
    };
    for (; i + lanes <= node.width; i += lanes) run(Whole());
    if (i < node.width) run(Part{static_cast<std::size_t>(node.width - i)});
  }
}

struct BackwardPlace {
  const float *top, *direct, *masked, *mask, *carry;
  float *value, *gate, *kept;
};

template <NodeFunction function, class Access>
HWY_INLINE void backward_vector(const Access& access, const BackwardPlace& p, std::int64_t i,
                                Vector top_scale, bool accumulate) {
  Vector dh = p.top == nullptr ? hn::Zero(Full()) : hn::Mul(access.load(p.top + i), top_scale);
  if (p.direct != nullptr) dh = hn::Add(dh, access.load(p.direct + i));
  if (p.masked != nullptr) {
    const Vector m = access.load(p.masked + i);
    dh = p.mask == nullptr ? hn::Add(dh, m) : hn::MulAdd(m, access.load(p.mask + i), dh);
  }
  const Vector one = constant(1.0F);
  const Vector a = access.load(p.value + i);
  const Vector t = access.load(p.gate + i);
  const Vector carried = hn::Mul(dh, hn::Sub(one, t));
  access.store(accumulate ? hn::Add(carried, access.load(p.kept + i)) : carried, p.kept + i);
  const Vector difference = hn::Sub(a, access.load(p.carry + i));
  access.store(without_tiny(hn::Mul(hn::Mul(dh, difference), hn::Mul(t, hn::Sub(one, t)))),
               p.gate + i);
  access.store(without_tiny(hn::Mul(hn::Mul(dh, t), slope_of<function>(a))), p.value + i);
}

template <NodeFunction function>
void backward_rows(const HighwayRows& node, const HighwayGradientRows& gradient,
                   float* carry_gradient, bool accumulate) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Full()));
  const Vector top_scale = constant(gradient.top_scale);
  for (std::int64_t row = 0; row < node.rows; ++row) {
    const std::int64_t first = row * node.width;
    const auto at_row = [&](const float* all) { return all == nullptr ? all : all + first; };
    float* const value = node.u + 2 * first;
    const BackwardPlace place = {at_row(gradient.top),    at_row(gradient.direct),
                                 at_row(gradient.masked), at_row(node.mask),
                                 node.carry + first,      value,
                                 value + node.width,      carry_gradient + first};
    std::int64_t i = 0;
    for (; i + lanes <= node.width; i += lanes) {
      backward_vector<function>(Whole(), place, i, top_scale, accumulate);
    }
    if (i < node.width) {
      backward_vector<function>(Part{static_cast<std::size_t>(node.width - i)}, place, i, top_scale,
                                accumulate);
    }
  }
}

template <NodeFunction function>
void forward_of(const HighwayRows& node, float* h, float* masked) {
  if (masked != nullptr) {
    forward_rows<function, true>(node, h, masked);
  } else {
    forward_rows<function, false>(node, h, masked);
  }
}

void forward(const HighwayRows& node, float* h, float* masked) {
  switch (node.function) {
    case NodeFunction::tanh:
      return forward_of<NodeFunction::tanh>(node, h, masked);
    case NodeFunction::relu:
      return forward_of<NodeFunction::relu>(node, h, masked);
    case NodeFunction::identity:
      return forward_of<NodeFunction::identity>(node, h, masked);
    case NodeFunction::sigmoid:
      return forward_of<NodeFunction::sigmoid>(node, h, masked);
  }
}

void backward(const HighwayRows& node, const HighwayGradientRows& gradient, float* carry_gradient,
              bool accumulate) {
  switch (node.function) {
    case NodeFunction::tanh:
      return backward_rows<NodeFunction::tanh>(node, gradient, carry_gradient, accumulate);
    case NodeFunction::relu:
      return backward_rows<NodeFunction::relu>(node, gradient, carry_gradient, accumulate);
    case NodeFunction::identity:
      return backward_rows<NodeFunction::identity>(node, gradient, carry_gradient, accumulate);
    case NodeFunction::sigmoid:
      return backward_rows<NodeFunction::sigmoid>(node, gradient, carry_gradient, accumulate);
  }
}

void sum_all(const float* const* sources, std::size_t num_sources, std::int64_t count, float scale,
             float* HWY_RESTRICT out) {
  for (std::size_t s = 0; s < num_sources; ++s) {
    const float* HWY_RESTRICT source = sources[s];
    const bool last = s + 1 == num_sources;
    const float factor = last ? scale : 1.0F;
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = ((s == 0 ? 0.0F : out[i]) + source[i]) * factor;
    }
  }
}

void add_all(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, const float* HWY_RESTRICT c,
             const float* HWY_RESTRICT mask, std::int64_t count, float* HWY_RESTRICT out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = (a == nullptr ? 0.0F : a[i]) + b[i] + (mask == nullptr ? c[i] : c[i] * mask[i]);
  }
}

void mask_all(const float* HWY_RESTRICT in, const float* HWY_RESTRICT mask, std::int64_t count,
              float* HWY_RESTRICT out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = mask == nullptr ? in[i] : in[i] * mask[i];
}

void round_all(const float* values, std::int64_t count, std::uint16_t* rounded) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, values + i, sizeof bits);
    const std::uint32_t nearest = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
    const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    rounded[i] = static_cast<std::uint16_t>(is_nan ? 0x7FC0U : nearest);
  }
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {
HWY_EXPORT(forward);
HWY_EXPORT(backward);
HWY_EXPORT(sum_all);
HWY_EXPORT(add_all);
HWY_EXPORT(mask_all);
HWY_EXPORT(round_all);
}  // namespace

void highway_forward_rows(const HighwayRows& node, float* h, float* masked) {
  HWY_DYNAMIC_DISPATCH(forward)(node, h, masked);
}

void highway_backward_rows(const HighwayRows& node, const HighwayGradientRows& gradient,
                           float* carry_gradient, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(backward)(node, gradient, carry_gradient, accumulate);
}

void scaled_sum(const float* const* sources, std::size_t num_sources, std::int64_t count,
                float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(sum_all)(sources, num_sources, count, scale, out);
}

void add_masked(const float* a, const float* b, const float* c, const float* mask,
                std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(add_all)(a, b, c, mask, count, out);
}

void apply_mask(const float* in, const float* mask, std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(mask_all)(in, mask, count, out);
}

void to_bfloat16(const float* values, std::int64_t count, std::uint16_t* rounded) {
  HWY_DYNAMIC_DISPATCH(round_all)(values, count, rounded);
}

}  // namespace enas::nn
#endif
