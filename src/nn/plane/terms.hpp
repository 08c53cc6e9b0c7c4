// SPDX-License-Identifier: Apache-2.0
// How the operations on planes that have weights call the products: offsets, rows, coefficients.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "nn/plane/memory.hpp"

namespace enas::nn {

/// [c · k · k + i · k + j] = c · stride + i · pitch + j: what a k×k convolution reads.
std::vector<int> make_terms(int channels, std::size_t stride, int kernel, int pitch);

/// Weights [out, in, k, k] side by side: [out, in · k · k].
std::vector<float> join(const std::vector<at::Tensor>& weights);
/// From [out, in, area] to [in, out, area] with each kernel turned by 180 degrees.
std::vector<float> turned(const std::vector<float>& weight, int out, int in, int area);

/// Of [num_out, terms].
PackedCoefficients pack(const std::vector<float>& values, int num_out);

at::Tensor tensor_of(std::span<const float> values, at::IntArrayRef sizes);

/// One row that holds all pixels of a block.
struct WholeBlock {
  explicit WholeBlock(int count) : rows{count, place, place} {}
  WholeBlock(const WholeBlock&) = delete;
  WholeBlock& operator=(const WholeBlock&) = delete;
  std::array<int, 1> place{0};
  PixelRows rows;
};

/// Pixel rows of a whole block between two layouts of planes, image after image.
class BlockRows {
 public:
  BlockRows() = default;
  /// Layouts are given by floats a plane, floats a row, and the first pixel's place.
  struct Layout {
    int plane_size, pitch, first;
  };
  BlockRows(const PlaneShape& shape, const Layout& in, const Layout& out);
  PixelRows of(int images) const;

 private:
  int width_ = 0;
  int height_ = 0;
  std::vector<int> in_, out_;
};

}  // namespace enas::nn
