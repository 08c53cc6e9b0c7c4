// SPDX-License-Identifier: Apache-2.0
// The result of training on one batch, for shared weights and networks of their own alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace enas::nn {

/// What the forward and the backward pass of one slot leave.
struct Pass {
  /// Mean cross-entropy of the batch in nats a token or image, without penalties and auxiliary
  /// losses.
  double loss = 0.0;
  std::int64_t correct = 0;  ///< targets that had the largest logit; 0 for language models
  /// One for each weight that was touched, in their order; of penalties and auxiliary losses too,
  /// weight decay not included.
  std::vector<at::Tensor> gradients;
  /// This batch's value of each running average, in their order; none for shared weights.
  std::vector<at::Tensor> statistics;
  double forward_s = 0.0;  ///< wall times of the two passes
  double backward_s = 0.0;
};

}  // namespace enas::nn
