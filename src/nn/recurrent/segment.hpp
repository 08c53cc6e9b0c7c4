// SPDX-License-Identifier: Apache-2.0
// Buffers and passes of recurrent_segment(), which holds the definition of what is computed.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "nn/precision.hpp"
#include "nn/recurrent/recurrent_segment.hpp"
#include "nn/workspace.hpp"

namespace enas::nn {

/// Sizes and buffers of one segment, filled by the forward and used up by the backward. Without
/// `keep` the buffers hold one time step.
struct Segment {
  Segment(const Cell& cell_, const at::Tensor& x_, const at::Tensor& state_,
          const std::vector<at::Tensor>& weights_, Workspace& workspace_, Precision precision_,
          bool keep_);

  at::Tensor forward();
  /// Gradients of x, state and the weights.
  std::vector<at::Tensor> backward(const at::Tensor& output_gradients);

  std::int64_t slot(std::int64_t t) const { return keep ? t : 0; }
  at::Tensor state_at(std::int64_t t) const { return t == 0 ? state : outputs.select(0, t - 1); }
  at::Tensor node_at(std::size_t node, std::int64_t t) const {
    return nodes.select(0, static_cast<std::int64_t>(node)).select(0, slot(t));
  }
  /// What the products read of `node` (-1: the state) at step t.
  at::Tensor masked_at(int node, std::int64_t t) const {
    return masked_steps(node).select(0, slot(t));
  }
  at::Tensor masked_steps(int node) const {
    if (node < 0) return masked_state;
    return cell.state_mask.defined() ? masked_nodes.select(0, node) : nodes.select(0, node);
  }
  /// Pre-activations, then [f(v) | σ(t)], then gradients of pre-activations of a node at step t.
  at::Tensor u_at(std::size_t node, std::int64_t t) const {
    return node == 0 ? first_u.select(0, t)
                     : node_u.select(0, static_cast<std::int64_t>(node) - 1).select(0, slot(t));
  }
  at::Tensor u_steps(std::size_t node) const {
    return node == 0 ? first_u : node_u.select(0, static_cast<std::int64_t>(node) - 1);
  }
  /// The matrix of a node's product with state or earlier node: for node 0 the lower half of its
  /// weight.
  at::Tensor state_weight(std::size_t node) const {
    return node == 0 ? weights[0].narrow(0, width, width) : weights[node];
  }
  /// Factors of products, rounded already where that was done.
  at::Tensor flat_x() const {
    return factor_x.defined() ? factor_x : x.view({steps * batch, width});
  }
  at::Tensor factor_weight(std::size_t node) const {
    return factor_weights.empty() ? state_weight(node) : factor_weights[node];
  }
  at::Tensor read_factor(int node) const {
    return (has_factors ? factor_nodes.select(0, node + 1) : masked_steps(node))
        .view({steps * batch, width});
  }
  at::Tensor gradient_factor(std::size_t node) const {
    return (has_factors ? factor_u.select(0, static_cast<std::int64_t>(node)) : u_steps(node))
        .view({steps * batch, 2 * width});
  }
  double top_scale() const { return 1.0 / static_cast<double>(cell.outputs.size()); }

  /// From the mean of the step's nodes to its output.
  void apply_batch_norm(std::int64_t t);
  at::Tensor through_batch_norm(std::int64_t t, const at::Tensor& gradient);

  Cell cell;
  at::Tensor x, state;
  std::vector<at::Tensor> weights;
  Workspace* workspace;
  std::uint64_t use;
  Precision precision;
  bool keep;
  std::int64_t steps, batch, width;
  std::vector<bool> is_output, is_read;

  at::Tensor outputs;                            // [T, B, H]
  at::Tensor first_u, node_u;                    // [T, B, 2H], [N-1, T, B, 2H]
  at::Tensor nodes, masked_nodes, masked_state;  // [N, T, B, H] twice, [T, B, H]
  at::Tensor normed, inverse_deviation;          // [T, B, H], [T, H]: batch norm's
  at::Tensor norm_gradients;                     // [T, B, H]: gradients of the batch norm's output
  at::Tensor direct, masked_gradient;            // [N+1, B, H] twice: row 0 the state's
  // Rounded once where the precision asks for it, otherwise undefined.
  at::Tensor factor_x, factor_nodes, factor_u;  // [T·B, H], [N+1, T, B, H], [N, T, B, 2H]
  std::vector<at::Tensor> factor_weights;       // as state_weight()
  bool has_factors = false;  // factor_nodes and factor_u hold what the nodes and u say

 private:
  void forward_step(std::int64_t t);
  void average(std::int64_t t);
  at::Tensor backward_steps(const at::Tensor& output_gradients);
  void backward_step(std::int64_t t, const at::Tensor& top);
  std::vector<at::Tensor> weight_gradients();
};

}  // namespace enas::nn
