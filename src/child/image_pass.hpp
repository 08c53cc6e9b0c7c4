// SPDX-License-Identifier: Apache-2.0
// Computes the steps of a plan with LibTorch's differentiable operations, in channels_last.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "child/image_plan.hpp"
#include "nn/training.hpp"

namespace enas::child {

/// Which masks a training pass uses.
struct PassMasks {
  nn::StepAddress address;
  double dropout = 0.0;   ///< of pooled features before the main classifier
  double progress = 1.0;  ///< of the training, in [0, 1]: paths are dropped the more the later
};

struct PassResult {
  at::Tensor logits;                   ///< [B, classes]
  at::Tensor auxiliary_logits;         ///< undefined without an auxiliary head
  std::vector<at::Tensor> statistics;  ///< mean and unbiased variance of every norm, in order
};

/// `images` [B, C, H, W]; `weights` one for each of the plan's. Norms use this batch's statistics.
/// Throws ConfigError when a norm would see a single pixel.
PassResult training_pass(const ImagePlan& plan, const at::Tensor& images,
                         std::span<const at::Tensor> weights, const PassMasks& masks);

/// The main logits; norms use `averages`, mean and variance of every norm, in order.
at::Tensor scoring_pass(const ImagePlan& plan, const at::Tensor& images,
                        std::span<const at::Tensor> weights, std::span<const at::Tensor> averages);

}  // namespace enas::child
