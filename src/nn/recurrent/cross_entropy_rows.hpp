// SPDX-License-Identifier: Apache-2.0
// cross_entropy() on the CPU in float32 memory, for a block of rows and a chunk of the vocabulary
// at a time, so that logits, embedding and its gradient meet in the cache.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/precision.hpp"
#include "nn/workspace.hpp"

namespace enas::nn {

/// Gradients of the mean over rows; undefined where none are wanted.
struct CrossEntropyGradients {
  at::Tensor outputs;    ///< [R, H]
  at::Tensor embedding;  ///< [V, H]
  at::Tensor bias;       ///< [V]; undefined without a bias
};

/// What makes logits of outputs.
struct OutputWeights {
  at::Tensor embedding;  ///< [V, H]
  at::Tensor bias;       ///< [V]; undefined for none
};

/// Whether the kernels can do it; what they cannot LibTorch's operations do.
bool has_cross_entropy_rows(const at::Tensor& outputs, const at::Tensor& embedding,
                            Precision precision);

/// The sum over rows in nats; fills the gradients that are defined (all or none). All contiguous.
/// The bits do not depend on the number of threads.
double cross_entropy_rows(const at::Tensor& outputs, const OutputWeights& weights,
                          const at::Tensor& targets, Workspace& workspace, Precision precision,
                          const CrossEntropyGradients& gradients);

}  // namespace enas::nn
