// SPDX-License-Identifier: Apache-2.0
// A searched recurrent cell over a whole segment of T steps, as one differentiable function.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "nn/precision.hpp"
#include "nn/recurrent/highway_node.hpp"
#include "nn/workspace.hpp"

namespace enas::nn {

struct CellNode {
  int previous = -1;  ///< earlier node; -1 for node 0, which reads x_t and the carried state
  NodeFunction function = NodeFunction::tanh;
};

/// One child's cell. Node 0: [v | t] = [x_t, s ⊗ m] · W_0; node l: [v | t] = (h_j ⊗ m) · W_l; each
/// node as highway_node.hpp says, carrying the unmasked s or h_j. The mean over `outputs`,
/// batch-normed over the B examples of its time step if asked for, is the step's output and the
/// next step's state.
struct Cell {
  std::vector<CellNode> nodes;
  std::vector<int> outputs;  ///< nodes that are averaged, ascending, not empty
  bool batch_norm = false;   ///< always with batch statistics, biased variance, kBatchNormEpsilon
  at::Tensor state_mask;     ///< m [B, H], the same at every step and node; undefined for none
};

constexpr double kBatchNormEpsilon = 1.0;

/// All outputs [T, B, H] for x [T, B, H] and the first state [B, H]. `weights`: for each node its
/// matrix (node 0 [2H, 2H] with rows [x; state], others [H, 2H]; columns [value | gate]), then
/// scale and offset [H] with batch norm. Differentiable in x, state and weights, once; keeps
/// nothing when autograd is off. `workspace` is in use until the backward is done: a second call
/// before it makes that backward throw. On the CPU in float32 the bits of outputs and of the
/// gradient of the state do not depend on the number of threads.
at::Tensor recurrent_segment(const Cell& cell, const at::Tensor& x, const at::Tensor& state,
                             const std::vector<at::Tensor>& weights, Workspace& workspace,
                             Precision precision = Precision::float32);

/// The same in plain differentiable expressions: the definition that the fast version is tested
/// against.
at::Tensor recurrent_segment_reference(const Cell& cell, const at::Tensor& x,
                                       const at::Tensor& state,
                                       const std::vector<at::Tensor>& weights);

}  // namespace enas::nn
