// SPDX-License-Identifier: Apache-2.0
// Sums over the pixels of one plane.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/sums.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "nn/plane/view-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

/// The lanes in double, in halves.
HWY_INLINE double lane_sum(Vector v) {
  constexpr std::size_t kLanes = hn::MaxLanes(Full());
  HWY_ALIGN float lane[kLanes];
  hn::Store(v, Full(), lane);
  double sum[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) sum[i] = static_cast<double>(lane[i]);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
  }
  return sum[0];
}

/// term(i, sums) for every vector, with four sets of sums in turn; the last vector by
/// term_of_first(i, n, sums). Then the sets are added in pairs: the order of the sum depends on
/// count and on the length of a vector alone.
struct Sums {
  HWY_INLINE Sums() : of{hn::Zero(Full()), hn::Zero(Full()), hn::Zero(Full()), hn::Zero(Full())} {}
  HWY_INLINE double total() const {
    return lane_sum(hn::Add(hn::Add(of[0], of[1]), hn::Add(of[2], of[3])));
  }
  Vector of[4];
};

template <class Term>
HWY_INLINE void for_each_vector(std::size_t count, const Term& term) {
  const auto all = hn::FirstN(Full(), lanes());
  std::size_t i = 0;
  for (; i + 4 * lanes() <= count; i += 4 * lanes()) {
#pragma GCC unroll 4
    for (std::size_t part = 0; part < 4; ++part) term(part, i + part * lanes(), all);
  }
#pragma GCC unroll 4
  for (std::size_t part = 0; part < 4; ++part) {
    if (i < count) term(part, i, hn::FirstN(Full(), count - i));
    i += lanes();
  }
}

Moments plane_moments(const float* plane, std::size_t count) {
  Sums sums;
  for_each_vector(count, [&](std::size_t part, std::size_t i, auto inside) HWY_ATTR {
    sums.of[part] =
        hn::Add(sums.of[part], hn::IfThenElseZero(inside, hn::LoadU(Full(), plane + i)));
  });
  const double mean = sums.total() / static_cast<double>(count);
  const auto centre = hn::Set(Full(), static_cast<float>(mean));
  Sums squares;
  for_each_vector(count, [&](std::size_t part, std::size_t i, auto inside) HWY_ATTR {
    const auto apart = hn::IfThenElseZero(inside, hn::Sub(hn::LoadU(Full(), plane + i), centre));
    squares.of[part] = hn::MulAdd(apart, apart, squares.of[part]);
  });
  // About the mean rounded to float; moved to the mean itself.
  const double off = mean - static_cast<double>(static_cast<float>(mean));
  return {mean, squares.total() - static_cast<double>(count) * off * off};
}

GradientSums gradient_sums(const float* g, const float* z, float centre, std::size_t count) {
  const auto middle = hn::Set(Full(), centre);
  Sums plain;
  Sums centred;
  for_each_vector(count, [&](std::size_t part, std::size_t i, auto inside) HWY_ATTR {
    const auto gradient = hn::IfThenElseZero(inside, hn::LoadU(Full(), g + i));
    const auto apart = hn::IfThenElseZero(inside, hn::Sub(hn::LoadU(Full(), z + i), middle));
    plain.of[part] = hn::Add(plain.of[part], gradient);
    centred.of[part] = hn::MulAdd(gradient, apart, centred.of[part]);
  });
  return {plain.total(), centred.total()};
}

double view_sum(const float* plane, const PixelView& view, std::size_t count) {
  const Viewer viewer(view);
  Sums sums;
  for_each_vector(count, [&](std::size_t part, std::size_t i, auto inside) HWY_ATTR {
    sums.of[part] = hn::Add(sums.of[part], hn::IfThenElseZero(inside, viewer.see(plane + i)));
  });
  return sums.total();
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {

HWY_EXPORT(plane_moments);
HWY_EXPORT(gradient_sums);
HWY_EXPORT(view_sum);

Moments plane_moments(const float* plane, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(plane_moments)(plane, count);
}

GradientSums gradient_sums(const float* g, const float* z, float centre, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(gradient_sums)(g, z, centre, count);
}

double view_sum(const float* plane, const PixelView& view, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(view_sum)(plane, view, count);
}

}  // namespace enas::nn
#endif
