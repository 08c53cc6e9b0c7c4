// SPDX-License-Identifier: Apache-2.0
// One row of a softmax in SIMD, on one thread.
#pragma once

#include <cstdint>

namespace enas::nn {

struct SoftmaxRow {
  float largest = 0.0F;  ///< logit
  double sum = 0.0;      ///< Σ exp(logit − largest)
};

/// With `replace` each logit becomes exp(logit − largest). NaN or +∞ among the logits gives a sum
/// of NaN.
SoftmaxRow softmax_row(float* logits, std::int64_t count, bool replace);

/// out = factor · in, 0 where that is below 1e-30 in size; both may be the same.
void scale_row(const float* in, std::int64_t count, float factor, float* out);

}  // namespace enas::nn
