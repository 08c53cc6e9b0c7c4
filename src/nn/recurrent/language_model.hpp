// SPDX-License-Identifier: Apache-2.0
// A language model around a recurrent cell: embedding, dropout masks, tied output layer and
// penalties, forward and backward. Shared weights and single networks alike are trained by it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "nn/precision.hpp"
#include "nn/recurrent/recurrent_segment.hpp"
#include "nn/training.hpp"
#include "nn/workspace.hpp"

namespace enas::nn {

/// Which mask of a training pass: the `tensor` of its address (Purpose::dropout, slot, step).
enum class DropoutMask : std::uint64_t { word, input, cell_input, state, output };

struct LanguageModelOptions {
  // Probabilities of dropping, as the authors' enas_lm names them; 0 switches one off.
  double drop_word = 0.0;        ///< whole words of the input embedding (e)
  double drop_input = 0.0;       ///< embedded inputs, one mask a segment (i)
  double drop_cell_input = 0.0;  ///< the cell's input x, one mask a segment (x)
  double drop_state = 0.0;       ///< state and node inputs of the products, one mask a segment (l)
  double drop_output = 0.0;      ///< outputs, one mask a segment (o)
  // Both penalties are on the cell's outputs before drop_output, as in enas_lm.
  double slowness = 0.0;  ///< times the mean of (o_t − o_{t−1})²; nothing for one time step
  double activation_l2 = 0.0;  ///< times the mean of squared outputs
  bool fused = true;           ///< else plain expressions of LibTorch, the same up to rounding
  Precision precision = Precision::float32;  ///< of the products; fused only
};

struct LanguageModelWeights {
  at::Tensor embedding;          ///< [V, H], of inputs and of the output layer
  at::Tensor output_bias;        ///< [V]; undefined for none
  std::vector<at::Tensor> cell;  ///< as recurrent_segment() takes them; an undefined one stands for
                                 ///< [H] zeros that are not trained
};

struct LanguageModelGradient {
  double loss = 0.0;               ///< mean cross-entropy without penalties
  LanguageModelWeights gradients;  ///< of penalties too; undefined where the weight is
  at::Tensor state;                ///< the carried state, detached
  double forward_s = 0.0;          ///< wall times of the two passes
  double backward_s = 0.0;
};

/// Throws ConfigError, naming the key `table`.<name>, on a value out of range.
void check_language_model(std::string_view table, int hidden, int vocabulary_size,
                          double init_range, const LanguageModelOptions& options);

/// The initial value of a weight: uniform in ±range, addressed by its name.
at::Tensor uniform_weight(const WeightShape& shape, double range, std::uint64_t seed,
                          Purpose purpose);

/// Forward and backward of a batch [T, B] from the state [B, H]. The state mask of `cell` is set
/// here. Throws ContractError on a batch or state of another shape.
LanguageModelGradient language_model_gradient(const LanguageModelOptions& options, Cell cell,
                                              const LanguageModelWeights& weights,
                                              const Batch& batch, const at::Tensor& state,
                                              const StepAddress& address, Workspace& workspace);

/// Forward alone, with nothing dropped and no autograd. Replaces `state` by the carried state.
Score language_model_score(const LanguageModelOptions& options, const Cell& cell,
                           const LanguageModelWeights& weights, const Batch& batch,
                           at::Tensor& state, Workspace& workspace);

/// Multiply-adds of one token: products of the cell and of the output layer.
double language_model_multiply_adds(const Cell& cell, std::int64_t hidden,
                                    std::int64_t vocabulary_size);

}  // namespace enas::nn
