// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/softmax_kernel.hpp"

#include "nn/kernel/simd_targets.hpp"

#define HWY_TARGET_INCLUDE "nn/kernel/softmax_kernel.cpp"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include "nn/kernel/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

using Index = std::int64_t;
constexpr int kChains = 4;           // independent sums, to hide latencies
constexpr Index kFloatTerms = 1024;  // vectors that are summed in float before double takes over

constexpr Index kLanes = HWY_LANES(float);

HWY_INLINE float largest_of(const float* logits, Index count) {
  const Full full;
  const Vector lowest = constant(-__builtin_inff());
  Vector largest[kChains] = {lowest, lowest, lowest, lowest};
  Index i = 0;
  for (; i + kChains * kLanes <= count; i += kChains * kLanes) {
    HWY_UNROLL(4)
    for (int c = 0; c < kChains; ++c) {
      largest[c] = hn::Max(largest[c], hn::LoadU(full, logits + i + c * kLanes));
    }
  }
  const Vector all = hn::Max(hn::Max(largest[0], largest[1]), hn::Max(largest[2], largest[3]));
  float result = hn::GetLane(hn::MaxOfLanes(full, all));
  for (; i < count; ++i) result = logits[i] > result ? logits[i] : result;
  return result;
}

HWY_INLINE Vector exponential(Vector logit, Vector largest) {
  return exp_of_nonpositive(hn::Sub(logit, largest));
}

template <bool replace>
double sum_of(float* logits, Index count, float top) {
  const Full full;
  const Vector largest = constant(top);
  double total = 0.0;
  Index i = 0;
  while (i + kLanes <= count) {
    Vector sums[kChains] = {hn::Zero(full), hn::Zero(full), hn::Zero(full), hn::Zero(full)};
    const Index whole = count - count % kLanes;
    const Index end = whole - i > kFloatTerms * kLanes ? i + kFloatTerms * kLanes : whole;
    for (; i + kChains * kLanes <= end; i += kChains * kLanes) {
      HWY_UNROLL(4)
      for (int c = 0; c < kChains; ++c) {
        const Vector e = exponential(hn::LoadU(full, logits + i + c * kLanes), largest);
        if constexpr (replace) hn::StoreU(e, full, logits + i + c * kLanes);
        sums[c] = hn::Add(sums[c], e);
      }
    }
    for (; i < end; i += kLanes) {
      const Vector e = exponential(hn::LoadU(full, logits + i), largest);
      if constexpr (replace) hn::StoreU(e, full, logits + i);
      sums[0] = hn::Add(sums[0], e);
    }
    const Vector sum = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
    total += double{hn::GetLane(hn::SumOfLanes(full, sum))};
  }
  if (i < count) {
    const auto left = static_cast<std::size_t>(count - i);
    HWY_ALIGN float values[hn::MaxLanes(full)];
    hn::Store(exponential(load_first(full, logits + i, left), largest), full, values);
    for (std::size_t k = 0; k < left; ++k) {
      if constexpr (replace) logits[i + static_cast<Index>(k)] = values[k];
      total += double{values[k]};
    }
  }
  return total;
}

SoftmaxRow softmax(float* logits, Index count, bool replace) {
  const float largest = largest_of(logits, count);
  return {largest,
          replace ? sum_of<true>(logits, count, largest) : sum_of<false>(logits, count, largest)};
}

void scale(const float* in, Index count, float factor, float* out) {
  const Full full;
  const Vector factors = constant(factor);
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    hn::StoreU(without_tiny(hn::Mul(factors, hn::LoadU(full, in + i))), full, out + i);
  }
  if (i < count) {
    const auto left = static_cast<std::size_t>(count - i);
    const Vector scaled = hn::Mul(factors, load_first(full, in + i, left));
    store_first(without_tiny(scaled), full, out + i, left);
  }
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {
HWY_EXPORT(softmax);
HWY_EXPORT(scale);
}  // namespace

SoftmaxRow softmax_row(float* logits, std::int64_t count, bool replace) {
  return HWY_DYNAMIC_DISPATCH(softmax)(logits, count, replace);
}

void scale_row(const float* in, std::int64_t count, float factor, float* out) {
  HWY_DYNAMIC_DISPATCH(scale)(in, count, factor, out);
}

}  // namespace enas::nn
#endif
