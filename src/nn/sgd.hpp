// SPDX-License-Identifier: Apache-2.0
// The arithmetic of stochastic gradient descent on flat gradients in host memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace enas::nn {

/// Sum of squares, accumulated in double in a fixed order whatever the number of threads.
double squared_norm(std::span<const float> gradient);

/// packed = gradient + decay · weight, for float32 on the CPU (the gradient of any strides): a
/// slot's gradient with its weight decay, ready for the sum over slots. Returns
/// squared_norm(packed), to the bit. Throws ContractError unless all three have as many values.
double pack_with_decay(const at::Tensor& gradient, const at::Tensor& weight, double decay,
                       std::span<float> packed);

/// weight −= lr · scale · gradient, in place, for a contiguous float32 weight on the CPU with as
/// many values. `scale` is what averaging and clipping leave of the gradient. Throws ContractError
/// otherwise.
void apply_update(at::Tensor weight, std::span<const float> gradient, double scale, double lr);

/// Nesterov momentum as the authors' code has it: velocity ← momentum · velocity + g, then
/// weight −= lr · (g + momentum · velocity), where g = scale · gradient; in place. Both tensors are
/// contiguous float32 on the CPU. Throws ContractError otherwise.
void apply_nesterov(at::Tensor weight, at::Tensor velocity, std::span<const float> gradient,
                    double scale, double lr, double momentum);

}  // namespace enas::nn
