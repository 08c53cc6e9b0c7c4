// SPDX-License-Identifier: Apache-2.0
// Tensors with addressed random values, so that tests see the same numbers everywhere.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "core/random.hpp"

namespace enas::nn {

/// Uniform in [-range, range); equal for equal `number` and sizes.
inline at::Tensor random_tensor(at::IntArrayRef sizes, std::uint64_t number,
                                at::ScalarType type = at::kDouble, double range = 1.0) {
  at::Tensor values = at::empty(sizes, at::kDouble);
  RandomStream stream(11, {Purpose::test, number});
  double* const data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    data[i] = range * (2.0 * stream.next_uniform() - 1.0);
  }
  return values.to(type);
}

/// Largest |a − b| divided by the largest |b|.
inline double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide = b.to(at::kDouble);
  return ((a.to(at::kDouble) - wide).abs().max() / (wide.abs().max() + 1e-30)).item<double>();
}

}  // namespace enas::nn
