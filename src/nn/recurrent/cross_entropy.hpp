// SPDX-License-Identifier: Apache-2.0
// Softmax and cross-entropy over a vocabulary, a block of rows at a time: [T·B, V] logits never
// exist.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/precision.hpp"
#include "nn/workspace.hpp"

namespace enas::nn {

/// Rows of logits held at a time. Part of the bits: sums over rows are formed block by block.
constexpr std::int64_t kCrossEntropyRows = 256;

/// Mean over rows, in nats and float64, of −log softmax(outputs · embeddingᵀ + bias)[target], for
/// outputs [R, H], embedding [V, H], targets [R] int64 and a bias [V] (undefined for none).
/// Differentiable in outputs, embedding and bias, once.
at::Tensor cross_entropy(const at::Tensor& outputs, const at::Tensor& embedding,
                         const at::Tensor& targets, Workspace& workspace,
                         Precision precision = Precision::float32, const at::Tensor& bias = {});

/// The sum over rows instead of the mean, without autograd.
double cross_entropy_total(const at::Tensor& outputs, const at::Tensor& embedding,
                           const at::Tensor& targets, Workspace& workspace,
                           Precision precision = Precision::float32, const at::Tensor& bias = {});

}  // namespace enas::nn
