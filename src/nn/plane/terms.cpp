// SPDX-License-Identifier: Apache-2.0
#include "nn/plane/terms.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace enas::nn {

std::vector<int> make_terms(int channels, std::size_t stride, int kernel, int pitch) {
  std::vector<int> terms;
  for (int c = 0; c < channels; ++c) {
    for (int i = 0; i < kernel; ++i) {
      for (int j = 0; j < kernel; ++j) {
        terms.push_back(c * static_cast<int>(stride) + i * pitch + j);
      }
    }
  }
  return terms;
}

std::vector<float> join(const std::vector<at::Tensor>& weights) {
  std::vector<float> joined;
  for (std::int64_t out = 0; out < weights[0].size(0); ++out) {
    for (const at::Tensor& weight : weights) {
      const std::int64_t row = weight.numel() / weight.size(0);
      const float* const values = weight.const_data_ptr<float>() + out * row;
      joined.insert(joined.end(), values, values + row);
    }
  }
  return joined;
}

std::vector<float> turned(const std::vector<float>& weight, int out, int in, int area) {
  std::vector<float> result(weight.size());
  for (int o = 0; o < out; ++o) {
    for (int i = 0; i < in; ++i) {
      const auto source = weight.begin() + (std::ptrdiff_t{o} * in + i) * area;
      std::reverse_copy(source, source + area,
                        result.begin() + (std::ptrdiff_t{i} * out + o) * area);
    }
  }
  return result;
}

PackedCoefficients pack(const std::vector<float>& values, int num_out) {
  const int num_terms = static_cast<int>(values.size()) / num_out;
  return {values.data(), num_out, num_terms, num_terms, 1};
}

at::Tensor tensor_of(std::span<const float> values, at::IntArrayRef sizes) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

BlockRows::BlockRows(const PlaneShape& shape, const Layout& in, const Layout& out)
    : width_(shape.width), height_(shape.height) {
  for (int image = 0; image < shape.block_images(); ++image) {
    for (int y = 0; y < shape.height; ++y) {
      in_.push_back(image * in.plane_size + y * in.pitch + in.first);
      out_.push_back(image * out.plane_size + y * out.pitch + out.first);
    }
  }
}

PixelRows BlockRows::of(int images) const {
  const auto rows = static_cast<std::size_t>(images) * static_cast<std::size_t>(height_);
  return {width_, std::span(in_).first(rows), std::span(out_).first(rows)};
}

}  // namespace enas::nn
