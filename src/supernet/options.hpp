// SPDX-License-Identifier: Apache-2.0
// How shared weights are made and computed: the section `supernet` of a configuration.
#pragma once

#include "nn/precision.hpp"
#include "space/typed_view.hpp"

namespace enas::supernet {

/// How a supernet computes. Both give the same up to rounding.
enum class Kernels {
  fused,  ///< written for speed; what is not written for a device falls back to eager
  eager,  ///< plain LibTorch operations and autograd: the reference
};

enum class EdgeWeights { per_function, per_edge };

enum class CellOutput { loose_ends, all };

struct RecurrentOptions {
  int hidden = 200;  ///< H: width of the embedding and of every node
  EdgeWeights edge_weights = EdgeWeights::per_function;
  CellOutput cell_output = CellOutput::loose_ends;
  bool batch_norm = false;  ///< after the average; batch statistics of each time step, epsilon 1
  /// A bias of the output layer, which otherwise is the tied embedding alone. Batch norm then has
  /// no offset: a constant output would carry the word frequencies a second time, and its noise
  /// in the embedding's gradient hides everything else.
  bool output_bias = false;
  double init_range = 0.04;  ///< initial weights uniform in ±init_range
  // Probabilities of dropping, as the authors' enas_lm names them; 0 switches one off.
  double drop_word = 0.1;         ///< whole words of the input embedding (e)
  double drop_input = 0.2;        ///< embedded inputs, one mask a segment (i)
  double drop_cell_input = 0.75;  ///< the cell's input x, one mask a segment (x)
  double drop_state = 0.25;       ///< state and node inputs of the products, one mask a segment (l)
  double drop_output = 0.75;      ///< outputs, one mask a segment (o)
  // Both penalties are on the cell's outputs before drop_output, as in enas_lm.
  double slowness = 1.0;  ///< times the mean of (o_t − o_{t−1})²; nothing for one time step
  double activation_l2 = 0.0;  ///< times the mean of squared outputs
  Kernels kernels = Kernels::fused;
  nn::Precision precision = nn::Precision::float32;  ///< of the products; fused kernels only
};

/// How a layer's output and its skips become one tensor.
enum class SkipMerge {
  sum,          ///< sum, then batch norm (the authors' search)
  concatenate,  ///< chosen entries, then the operation's output: ReLU, 1×1 to F, batch norm (the
                ///< paper)
};

enum class OperationOrder {
  conv_norm_relu,  ///< the authors' search
  relu_conv_norm,  ///< the paper; a pool branch is ReLU, 1×1, batch norm, pool
};

struct MacroOptions {
  int filters = 36;  ///< F: channels of every layer, even
  SkipMerge skip_merge = SkipMerge::sum;
  OperationOrder operation_order = OperationOrder::conv_norm_relu;
  double drop_features = 0.1;  ///< probability of dropping a pooled feature before the classifier
  double norm_epsilon = 1e-5;  ///< of every batch norm but those
  double kernel_norm_epsilon = 1e-3;  ///< after a k×k convolution, separable ones too
  Kernels kernels = Kernels::fused;
  nn::Precision precision = nn::Precision::float32;  ///< of products and convolutions, on GPUs
};

/// What a reduction cell reads.
enum class ReductionInputs {
  both,  ///< the two cells before it, each through ReLU and a factorized reduction; the next cell
         ///< reads the unreduced previous output and this cell's
  released,  ///< the previous cell twice: unreduced (shrunk like any two-back input) and through a
             ///< factorized reduction; the next cell reads the latter and this cell's output
};

struct MicroOptions {
  int cells = 6;     ///< L: normal cells; two reduction cells come on top
  int filters = 20;  ///< F of the first cells, doubled at each reduction, even
  ReductionInputs reduction_inputs = ReductionInputs::both;
  double drop_features = 0.1;  ///< probability of dropping a pooled feature before the classifier
  double norm_epsilon = 1e-5;
  Kernels kernels = Kernels::fused;
  nn::Precision precision = nn::Precision::float32;  ///< of products and convolutions, on GPUs
};

/// The member of the space's kind is in force.
struct Options {
  RecurrentOptions recurrent;
  MacroOptions macro;
  MicroOptions micro;

  /// Each kind has a member of its own.
  nn::Precision& precision(space::SpaceKind kind) {
    return kind == space::SpaceKind::recurrent ? recurrent.precision
           : kind == space::SpaceKind::macro   ? macro.precision
                                               : micro.precision;
  }
  nn::Precision precision(space::SpaceKind kind) const { return Options(*this).precision(kind); }
  Kernels& kernels(space::SpaceKind kind) {
    return kind == space::SpaceKind::recurrent ? recurrent.kernels
           : kind == space::SpaceKind::macro   ? macro.kernels
                                               : micro.kernels;
  }
};

}  // namespace enas::supernet
