// SPDX-License-Identifier: Apache-2.0
// What networks that classify images have in common: loss, hits and dropout masks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/training.hpp"

namespace enas::nn {

/// Mean cross-entropy in nats of logits [B, classes] and classes [B], a double; differentiable.
at::Tensor mean_cross_entropy(const at::Tensor& logits, const at::Tensor& target);

/// How many images have their largest logit at their class.
std::int64_t count_correct(const at::Tensor& logits, const at::Tensor& target);

/// 1 / keep at probability `keep`, else 0, addressed by (Purpose::dropout, slot, step, number).
at::Tensor dropout_mask(double keep, std::uint64_t number, const StepAddress& address,
                        at::IntArrayRef sizes, at::Device device);

}  // namespace enas::nn
