// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/products_arguments.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/pixel_vectors.cpp"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "nn/plane/pixel_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

int num_lanes() { return kLanes; }

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {

HWY_EXPORT(num_lanes);

// Rows that fill at most half a vector share it with another row.
constexpr int kLanesWithHalves = 16;

}  // namespace

PixelVectors pixel_vectors(const PixelRows& rows) {
  thread_local std::vector<PixelVector> vectors;
  const int num_lanes = HWY_DYNAMIC_DISPATCH(num_lanes)();
  const bool halves = num_lanes == kLanesWithHalves && rows.width <= num_lanes / 2;
  const int part = halves ? num_lanes / 2 : num_lanes;
  const int full_width = rows.width / part * part;
  const std::size_t num_rows = rows.in.size();
  const auto vectors_of_row = static_cast<std::size_t>((rows.width + part - 1) / part);
  vectors.resize(std::max(vectors.size(), num_rows * vectors_of_row));
  PixelVector* next = vectors.data();
  const auto append = [&](int begin, int end) {
    for (std::size_t r = 0; r < num_rows; r += halves ? 2 : 1) {
      const std::size_t second = std::min(r + 1, num_rows - 1);
      for (int x = begin; x < end; x += part) {
        const int lanes = std::min(part, end - x);
        *next++ = {rows.in[r] + x,      rows.out[r] + x,      lanes,
                   rows.in[second] + x, rows.out[second] + x, second > r ? lanes : 0};
      }
    }
  };
  append(0, full_width);
  auto num_full = static_cast<int>(next - vectors.data());
  if (halves && num_full > 0 && next[-1].lanes2 == 0) --num_full;
  append(full_width, rows.width);
  return {vectors.data(), num_full, static_cast<int>(next - vectors.data()), halves};
}

}  // namespace enas::nn
#endif
