// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions of 3×3 and 5×5 pixels over one plane, and the gradient of their weights.
// Columns of one vector are walked from the top to the bottom, so that what neighbouring rows share
// stays in registers.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/depthwise.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "nn/plane/filter_rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

/// kRows rows of one vector, `left` pixels of it inside the plane. An input vector serves all rows
/// of the block that it reaches; the k weights of a column are enough to hold for that.
template <int k, int kRows, class D>
HWY_INLINE void depthwise_block(D d, const float* in, std::ptrdiff_t pitch, const float* weight,
                                float* out, int width, int left) {
  hn::Vec<D> sum[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = hn::Zero(d);
#pragma GCC unroll 5
  for (int j = 0; j < k; ++j) {
    hn::Vec<D> column[k];
#pragma GCC unroll 5
    for (int i = 0; i < k; ++i) column[i] = hn::Set(d, weight[i * k + j]);
#pragma GCC unroll 12
    for (int row = 0; row < kRows + k - 1; ++row) {
      const auto pixels = in_register(hn::LoadU(d, in + row * pitch + j));
#pragma GCC unroll 5
      for (int i = k - 1; i >= 0; --i) {
        const int r = row - i;
        if (r >= 0 && r < kRows) sum[r] = hn::MulAdd(column[i], pixels, sum[r]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) store_row(sum[r], d, out + r * width, left);
}

/// The last block overlaps the one before it where the height is no multiple of it: the same
/// values are written again.
template <int k, int kRows, class D>
HWY_INLINE void depthwise_rows(D d, const float* in, std::ptrdiff_t pitch, const float* weight,
                               float* out, int height, int width) {
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int y = 0; y < height; y += kRows) {
    const int top = HWY_MIN(y, height - kRows);
    for (int x = 0; x < width; x += lanes) {
      depthwise_block<k, kRows>(d, in + top * pitch + x, pitch, weight,
                                out + static_cast<std::ptrdiff_t>(top) * width + x, width,
                                width - x);
    }
  }
}

template <int k>
void depthwise_of(const float* in, int pitch, const float* weight, float* out, int height,
                  int width) {
  with_vector_for(width, [=](auto d) HWY_ATTR {
    if (height >= 8) {
      depthwise_rows<k, 8>(d, in, pitch, weight, out, height, width);
    } else if (height >= 4) {
      depthwise_rows<k, 4>(d, in, pitch, weight, out, height, width);
    } else {
      depthwise_rows<k, 1>(d, in, pitch, weight, out, height, width);
    }
  });
}

void depthwise_plane(const float* in, int pitch, const float* weight, int k, float* out, int height,
                     int width) {
  (k == 3 ? depthwise_of<3> : depthwise_of<5>)(in, pitch, weight, out, height, width);
}

/// Adds to total[i][j], i from `low` to `high`, the products of an input row with the gradients of
/// the rows that it reaches: recent[i] is i rows above.
template <int k, int kColumns, class D, class V = hn::Vec<D>>
HWY_INLINE void add_products(D d, const float* in, int left, int low, int high,
                             const V (&recent)[k], V (&total)[k][kColumns]) {
  const bool whole = left >= static_cast<int>(hn::Lanes(d));
#pragma GCC unroll 5
  for (int j = 0; j < kColumns; ++j) {
    V pixels = hn::LoadU(d, in + j);
    if (HWY_UNLIKELY(!whole)) {
      pixels = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(left)), pixels);
    }
    pixels = in_register(pixels);
#pragma GCC unroll 5
    for (int i = 0; i < k; ++i) {
      if (i >= low && i < high) total[i][j] = hn::MulAdd(recent[i], pixels, total[i][j]);
    }
  }
}

/// The sums of kColumns columns of weights over the columns of pixels of one vector, `left` of them
/// inside the plane. The gradients of k rows wait in registers for the input rows.
template <int k, int kColumns, class D, class V = hn::Vec<D>>
HWY_INLINE void add_strip(D d, const float* in, std::ptrdiff_t pitch, const float* gradient,
                          int height, std::ptrdiff_t width, int left, V (&total)[k][kColumns]) {
  V recent[k];
#pragma GCC unroll 5
  for (int i = 0; i < k; ++i) recent[i] = hn::Zero(d);
  const auto next = [&](V newest) HWY_ATTR {
#pragma GCC unroll 5
    for (int i = k - 1; i > 0; --i) recent[i] = recent[i - 1];
    recent[0] = newest;
  };
  const auto whole_rows = height >= k - 1;
  if (!whole_rows) {
    for (int row = 0; row < height + k - 1; ++row) {
      next(row < height ? load_row(d, gradient + row * width, left) : hn::Zero(d));
      add_products(d, in + row * pitch, left, HWY_MAX(0, row - height + 1), HWY_MIN(k, row + 1),
                   recent, total);
    }
    return;
  }
#pragma GCC unroll 4
  for (int row = 0; row < k - 1; ++row) {
    next(load_row(d, gradient + row * width, left));
    add_products(d, in + row * pitch, left, 0, row + 1, recent, total);
  }
  for (int row = k - 1; row < height; ++row) {
    next(load_row(d, gradient + row * width, left));
    add_products(d, in + row * pitch, left, 0, k, recent, total);
  }
#pragma GCC unroll 4
  for (int below = 0; below < k - 1; ++below) {
    next(hn::Zero(d));
    add_products(d, in + (height + below) * pitch, left, below + 1, k, recent, total);
  }
}

template <int k, int kColumns, class D>
HWY_INLINE void weight_sum_columns(D d, const float* in, std::ptrdiff_t pitch,
                                   const float* gradient, int first, int height, int width,
                                   float* sum) {
  hn::Vec<D> total[k][kColumns];
#pragma GCC unroll 5
  for (int i = 0; i < k; ++i) {
#pragma GCC unroll 5
    for (int j = 0; j < kColumns; ++j) total[i][j] = hn::Zero(d);
  }
  for (int x = 0; x < width; x += static_cast<int>(hn::Lanes(d))) {
    add_strip(d, in + x + first, pitch, gradient + x, height, width, width - x, total);
  }
#pragma GCC unroll 5
  for (int i = 0; i < k; ++i) {
#pragma GCC unroll 5
    for (int j = 0; j < kColumns; ++j) {
      sum[i * k + first + j] += hn::GetLane(hn::SumOfLanes(d, total[i][j]));
    }
  }
}

/// All columns at once, or as many as AVX2's 16 registers hold.
template <int k>
void weight_sums_of(const float* in, int pitch, const float* gradient, int height, int width,
                    float* sum) {
  with_vector_for(width, [=](auto d) HWY_ATTR {
    if constexpr (HWY_TARGET == HWY_AVX2 && k == 5) {
      weight_sum_columns<k, 2>(d, in, pitch, gradient, 0, height, width, sum);
      weight_sum_columns<k, 2>(d, in, pitch, gradient, 2, height, width, sum);
      weight_sum_columns<k, 1>(d, in, pitch, gradient, 4, height, width, sum);
    } else {
      weight_sum_columns<k, k>(d, in, pitch, gradient, 0, height, width, sum);
    }
  });
}

void depthwise_weight_sums(const float* in, int pitch, const float* gradient, int k, int height,
                           int width, float* sum) {
  (k == 3 ? weight_sums_of<3> : weight_sums_of<5>)(in, pitch, gradient, height, width, sum);
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {

HWY_EXPORT(depthwise_plane);
HWY_EXPORT(depthwise_weight_sums);

void depthwise_plane(const float* in, int pitch, const float* weight, int k, float* out, int height,
                     int width) {
  HWY_DYNAMIC_DISPATCH(depthwise_plane)(in, pitch, weight, k, out, height, width);
}

void depthwise_weight_sums(const float* in, int pitch, const float* gradient, int k, int height,
                           int width, float* sum) {
  HWY_DYNAMIC_DISPATCH(depthwise_weight_sums)(in, pitch, gradient, k, height, width, sum);
}

}  // namespace enas::nn
#endif
