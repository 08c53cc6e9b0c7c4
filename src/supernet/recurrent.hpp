// SPDX-License-Identifier: Apache-2.0
// Shared weights of the recurrent space: a language model with a searched cell (Pham et al.
// 2018, 2.1).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/precision.hpp"
#include "nn/recurrent/language_model.hpp"
#include "space/recurrent.hpp"
#include "supernet/supernet.hpp"

namespace enas::supernet {

using nn::DropoutMask;

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

/// All weights of a supernet in their order, without allocating any: "embedding" [V, H]; with an
/// output bias "output/bias" [V]; with batch
/// norm "norm/scale" and "norm/offset" [H]; "first/<function>" [2H, 2H]; "edge/<l>/<j>/<function>"
/// [H, 2H] for nodes j < l. Per edge: "first" and "edge/<l>/<j>". Fixed first node: "first/tanh"
/// alone in both. Rows of a first weight are [input; state], columns of all are [value | gate].
std::vector<WeightShape> recurrent_weight_shapes(const space::RecurrentSpaceOptions& space,
                                                 const RecurrentOptions& options,
                                                 int vocabulary_size);

class RecurrentSupernet final : public Supernet {
 public:
  /// Initial weights are addressed by tensor name, so they depend on the seed alone. Throws
  /// ConfigError on values out of range.
  RecurrentSupernet(const space::RecurrentSpaceOptions& space, const RecurrentOptions& options,
                    int vocabulary_size, std::uint64_t seed);

  const std::string& space_id() const override { return decisions_.id(); }
  const std::vector<Weight>& weights() const override { return weights_; }
  std::vector<int> touched(const space::Architecture& architecture) const override;
  double forward_flops(const space::Architecture& architecture,
                       at::IntArrayRef input_sizes) const override;
  at::Tensor initial_state(std::int64_t batch_size) const override;
  Pass gradient(const space::Architecture& architecture, const Batch& batch, at::Tensor& state,
                const StepAddress& address) const override;
  Score score(const space::Architecture& architecture, const Batch& batch,
              at::Tensor& state) const override;

 private:
  struct ActiveCell;
  ActiveCell active_cell(const space::Architecture& architecture) const;
  nn::LanguageModelWeights model_weights(const ActiveCell& active) const;

  space::RecurrentSpaceOptions space_;
  space::SearchSpace decisions_;
  RecurrentOptions options_;
  std::vector<Weight> weights_;
  std::unique_ptr<nn::Workspace> workspace_;  // const passes write into it
};

}  // namespace enas::supernet
