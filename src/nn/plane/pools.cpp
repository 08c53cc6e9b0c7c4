// SPDX-License-Identifier: Apache-2.0
// Pools of 3×3 pixels over one plane. Columns of one vector are walked from the top to the bottom,
// so that what neighbouring rows share stays in registers.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/pools.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "nn/plane/filter_rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

void box_sum_plane(const float* in, int pitch, float* out, int height, int width) {
  with_vector_for(width, [=](auto d) HWY_ATTR {
    const auto row_sum = [=](const float* p) HWY_ATTR {
      return hn::Add(hn::Add(hn::LoadU(d, p), hn::LoadU(d, p + 1)), hn::LoadU(d, p + 2));
    };
    for (int x = 0; x < width; x += static_cast<int>(hn::Lanes(d))) {
      auto above = row_sum(in + x);
      auto middle = row_sum(in + x + pitch);
      for (int y = 0; y < height; ++y) {
        const auto below = row_sum(in + x + (y + std::ptrdiff_t{2}) * pitch);
        store_row(hn::Add(hn::Add(above, middle), below), d,
                  out + static_cast<std::ptrdiff_t>(y) * width + x, width - x);
        above = middle;
        middle = below;
      }
    }
  });
}

/// a unless b is larger; NaN wins. Of equal values, the first, whatever the sign of a zero.
template <class V>
HWY_INLINE V larger(V a, V b) {
  return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
}

template <class D>
HWY_INLINE hn::Vec<D> row_maximum(D d, const float* p) {
  return larger(larger(in_register(hn::LoadU(d, p)), in_register(hn::LoadU(d, p + 1))),
                in_register(hn::LoadU(d, p + 2)));
}

void max_pool_plane(const float* in, int pitch, float* out, int height, int width) {
  with_vector_for(width, [=](auto d) HWY_ATTR {
    for (int x = 0; x < width; x += static_cast<int>(hn::Lanes(d))) {
      auto above = row_maximum(d, in + x);
      auto middle = row_maximum(d, in + x + pitch);
      for (int y = 0; y < height; ++y) {
        const auto below = row_maximum(d, in + x + (y + std::ptrdiff_t{2}) * pitch);
        store_row(larger(larger(above, middle), below), d,
                  out + static_cast<std::ptrdiff_t>(y) * width + x, width - x);
        above = middle;
        middle = below;
      }
    }
  });
}

/// What of the gradient goes to this candidate for the maximum; `gradient` keeps the rest. NaN wins
/// wherever it is, so it is its own maximum.
template <class V>
HWY_INLINE V take(V value, V maximum, V& gradient) {
  const auto here = hn::Or(hn::Eq(value, maximum), hn::IsNaN(value));
  const V taken = hn::IfThenElseZero(here, gradient);
  gradient = hn::IfThenZeroElse(here, gradient);
  return taken;
}

/// Output columns that max_pool_plane_gradient holds on the stack.
constexpr int kStrip = 256;
constexpr int kStripFront = 16;
constexpr int kStripFloats = kStripFront + kStrip + 2 * 16;

/// What the pixels x + j of an input row receive from the outputs x of a strip.
struct Received {
  HWY_ALIGN float of[3][kStripFloats];
};

/// Adds it to the pixels from `begin` to `end` of the row; pixel 0 is the first that output 0 sees.
template <class D>
HWY_INLINE void add_received(D d, const Received& received, float* row, int begin, int end) {
  for (int x = begin; x < end; x += static_cast<int>(hn::Lanes(d))) {
    const int at = kStripFront + x;
    const auto sum =
        hn::Add(hn::Add(hn::LoadU(d, received.of[0] + at), hn::LoadU(d, received.of[1] + at - 1)),
                hn::LoadU(d, received.of[2] + at - 2));
    store_row(hn::Add(load_row(d, row + x, end - x), sum), d, row + x, end - x);
  }
}

/// A strip `columns` wide, pointers at its first column. The maximum of a window is found in two
/// steps, the first of its rows with the largest maximum and the first pixel of that row: the first
/// in row-major order. The gradient of an output row waits until the second and the third row.
template <class D>
HWY_INLINE void pool_gradient_strip(D d, const float* in, std::ptrdiff_t pitch, const float* out,
                                    const float* gradient, float* in_gradient, int height,
                                    std::ptrdiff_t width, int columns, int begin, int end) {
  const int lanes = static_cast<int>(hn::Lanes(d));
  HWY_ALIGN float second[kStripFloats];
  HWY_ALIGN float third[kStripFloats];
  Received received[2];
  for (int x = 0; x < columns; x += lanes) {
    hn::Store(hn::Zero(d), d, second + x);
    hn::Store(hn::Zero(d), d, third + x);
  }
  const int filled = (columns + lanes - 1) / lanes * lanes;
  for (auto& row : received) {
    for (auto& of : row.of) {
      for (const int beside : {-2, -1, filled, filled + 1}) of[kStripFront + beside] = 0.0F;
    }
  }
  for (int row = 0; row < height + 2; ++row) {
    const float* const out_row = out + HWY_MIN(row, height - 1) * width;
    const float* const out_second = out + HWY_MIN(HWY_MAX(row - 1, 0), height - 1) * width;
    const float* const out_third = out + HWY_MAX(row - 2, 0) * width;
    for (int x = 0; x < columns; x += lanes) {
      const auto left = in_register(hn::LoadU(d, in + row * pitch + x));
      const auto centre = in_register(hn::LoadU(d, in + row * pitch + x + 1));
      const auto right = in_register(hn::LoadU(d, in + row * pitch + x + 2));
      const auto largest = larger(larger(left, centre), right);
      auto waiting = hn::Load(d, third + x);
      auto arriving = take(largest, hn::LoadU(d, out_third + x), waiting);
      waiting = hn::Load(d, second + x);
      arriving = hn::Add(arriving, take(largest, hn::LoadU(d, out_second + x), waiting));
      hn::Store(waiting, d, third + x);
      waiting = row < height ? load_row(d, gradient + row * width + x, columns - x) : hn::Zero(d);
      arriving = hn::Add(arriving, take(largest, hn::LoadU(d, out_row + x), waiting));
      hn::Store(waiting, d, second + x);
      auto& of = received[row & 1].of;
      hn::Store(take(left, largest, arriving), d, of[0] + kStripFront + x);
      hn::Store(take(centre, largest, arriving), d, of[1] + kStripFront + x);
      hn::Store(arriving, d, of[2] + kStripFront + x);
    }
    // One row late, when the stores that its unaligned loads read have reached the cache.
    if (row > 1) {
      add_received(d, received[(row - 1) & 1], in_gradient + (row - 1) * pitch, begin, end);
    }
  }
}

/// The border receives nothing: it is a maximum only where a window holds nothing but −∞.
void max_pool_plane_gradient(const float* in, int pitch, const float* out, const float* gradient,
                             float* in_gradient, int height, int width) {
  with_vector_for(width, [=](auto d) HWY_ATTR {
    for (int x = 0; x < width; x += kStrip) {
      const bool last = width - x <= kStrip;
      const int columns = last ? width - x : kStrip;
      pool_gradient_strip(d, in + x, pitch, out + x, gradient + x, in_gradient + x, height, width,
                          columns, x == 0 ? 1 : 0, columns + (last ? 1 : 2));
    }
  });
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {

HWY_EXPORT(box_sum_plane);
HWY_EXPORT(max_pool_plane);
HWY_EXPORT(max_pool_plane_gradient);

void box_sum_plane(const float* in, int pitch, float* out, int height, int width) {
  HWY_DYNAMIC_DISPATCH(box_sum_plane)(in, pitch, out, height, width);
}

void max_pool_plane(const float* in, int pitch, float* out, int height, int width) {
  HWY_DYNAMIC_DISPATCH(max_pool_plane)(in, pitch, out, height, width);
}

void max_pool_plane_gradient(const float* in, int pitch, const float* out, const float* gradient,
                             float* in_gradient, int height, int width) {
  HWY_DYNAMIC_DISPATCH(max_pool_plane_gradient)
  (in, pitch, out, gradient, in_gradient, height, width);
}

}  // namespace enas::nn
#endif
