// SPDX-License-Identifier: Apache-2.0
// Filters of 3×3 and 5×5 pixels over one plane. Columns of one vector are walked from the top to
// the bottom, so that what neighbouring rows share stays in registers.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/filters.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "nn/kernel/float_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

using Wide = hn::ScalableTag<float>;
using Narrow = hn::CappedTag<float, 8>;

/// Calls the kernel with the vector that suits the width: a plane 8 wide wastes half an AVX-512.
template <class Kernel>
HWY_INLINE void with_vector_for(int width, const Kernel& kernel) {
  if (width <= static_cast<int>(hn::Lanes(Narrow()))) {
    kernel(Narrow());
  } else {
    kernel(Wide());
  }
}

/// The first n lanes of v, or all of it where n is larger.
template <class D>
HWY_INLINE void store_row(hn::Vec<D> v, D d, float* out, int n) {
  if (n >= static_cast<int>(hn::Lanes(d))) {
    hn::StoreU(v, d, out);
  } else {
    store_first(v, d, out, static_cast<std::size_t>(n));
  }
}

template <class D>
HWY_INLINE hn::Vec<D> load_row(D d, const float* in, int n) {
  if (n >= static_cast<int>(hn::Lanes(d))) return hn::LoadU(d, in);
  return load_first(d, in, static_cast<std::size_t>(n));
}

// ---- depthwise convolution

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

// ---- pools

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

HWY_EXPORT(depthwise_plane);
HWY_EXPORT(depthwise_weight_sums);
HWY_EXPORT(box_sum_plane);
HWY_EXPORT(max_pool_plane);
HWY_EXPORT(max_pool_plane_gradient);

void depthwise_plane(const float* in, int pitch, const float* weight, int k, float* out, int height,
                     int width) {
  HWY_DYNAMIC_DISPATCH(depthwise_plane)(in, pitch, weight, k, out, height, width);
}

void depthwise_weight_sums(const float* in, int pitch, const float* gradient, int k, int height,
                           int width, float* sum) {
  HWY_DYNAMIC_DISPATCH(depthwise_weight_sums)(in, pitch, gradient, k, height, width, sum);
}

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
