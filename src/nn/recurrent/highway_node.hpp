// SPDX-License-Identifier: Apache-2.0
// One node of a recurrent cell at one time step: h = c + t ⊗ (f(v) − c), where [v | t before σ] is
// a product of width 2H and c the node's carried input (Pham et al. 2018, 3.1).
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "nn/kernel/highway_kernel.hpp"

namespace enas::nn {

/// By its name: "tanh", "relu", "identity" or "sigmoid". Throws ContractError on others.
NodeFunction node_function(std::string_view name);

/// What the node reads and writes besides `u`. All [B, H], rows contiguous.
struct HighwayNode {
  NodeFunction function = NodeFunction::tanh;
  at::Tensor carry;  ///< c, unmasked
  at::Tensor mask;   ///< dropout mask of what reads this node; undefined for none
};

/// `u` [B, 2H] comes with pre-activations and becomes [f(v) | σ(t)], which the backward needs.
/// Writes h, and h ⊗ mask into `masked` if that is defined (it then needs a mask).
void highway_forward(const HighwayNode& node, at::Tensor u, at::Tensor h, at::Tensor masked);

/// The gradient that arrives at h: top · top_scale + direct + masked ⊗ mask; undefined ones are 0.
struct HighwayGradient {
  at::Tensor top;          ///< gradient of the cell's output
  double top_scale = 1.0;  ///< this node's share of it
  at::Tensor direct;       ///< through the carries of the nodes that read h
  at::Tensor masked;       ///< through their products, that is of h ⊗ mask
};

/// `u` comes as [f(v) | σ(t)] and becomes the gradient of the pre-activations. The gradient of the
/// carry is added to `carry_gradient`, or replaces it unless `accumulate`.
void highway_backward(const HighwayNode& node, const HighwayGradient& gradient, at::Tensor u,
                      at::Tensor carry_gradient, bool accumulate);

/// The same two in LibTorch's operations: what runs on other devices, and the reference for the
/// kernels.
void highway_forward_reference(const HighwayNode& node, at::Tensor u, at::Tensor h,
                               at::Tensor masked);
void highway_backward_reference(const HighwayNode& node, const HighwayGradient& gradient,
                                at::Tensor u, at::Tensor carry_gradient, bool accumulate);

}  // namespace enas::nn
