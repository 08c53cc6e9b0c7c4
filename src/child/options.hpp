// SPDX-License-Identifier: Apache-2.0
// Options of networks that are trained alone.
#pragma once

#include "nn/precision.hpp"

namespace enas::child {

/// Which nodes are averaged, unless the cell names them itself.
enum class CellOutput { loose_ends, all };

/// Drops, activation l2 and no slowness are the defaults of the authors' enas_lm for a fixed cell
/// (fixed_lib.py); init_range is the paper's.
struct RecurrentNetworkOptions {
  int hidden = 748;  ///< H: width of the embedding and of every node
  CellOutput cell_output = CellOutput::loose_ends;
  bool output_bias = false;  ///< besides the tied embedding
  double init_range = 0.04;  ///< initial weights uniform in ±init_range
  // Probabilities of dropping, as in nn::LanguageModelOptions; 0 switches one off.
  double drop_word = 0.125;
  double drop_input = 0.175;
  double drop_cell_input = 0.725;
  double drop_state = 0.225;
  double drop_output = 0.75;
  // Penalties on the cell's outputs before drop_output.
  double slowness = 0.0;
  double activation_l2 = 0.7;
  bool fused = true;  ///< else plain expressions of LibTorch, the same up to rounding
  nn::Precision precision = nn::Precision::float32;  ///< of the products; fused only
};

struct MacroNetworkOptions {
  int filters = 96;       ///< F of the first layers, doubled at each pool layer
  double dropout = 0.5;   ///< probability of dropping a pooled feature before the classifier: 1
                          ///< minus the authors' keep probability, in [0, 1)
  bool released = false;  ///< as the authors' code: separable convolutions are built as dense ones
                          ///< ("…/conv"), and pools are refused
  double norm_epsilon = 1e-5;
  nn::Precision precision = nn::Precision::float32;  ///< of products and convolutions, on GPUs
};

struct MicroNetworkOptions {
  int layers = 15;       ///< L: normal cells; two reduction cells come on top
  int filters = 36;      ///< F of the first cells, doubled at each reduction
  double dropout = 0.2;  ///< probability of dropping a pooled feature before the classifier: 1
                         ///< minus the authors' keep probability 0.8, in [0, 1)
  double drop_path_keep = 0.6;    ///< the last cell's at the end of the training, in (0, 1]
  double auxiliary_weight = 0.4;  ///< of the auxiliary head's cross-entropy; 0: no such head
  double norm_epsilon = 1e-5;
  nn::Precision precision = nn::Precision::float32;  ///< of products and convolutions, on GPUs
};

}  // namespace enas::child
