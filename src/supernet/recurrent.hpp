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
#include "supernet/options.hpp"
#include "supernet/supernet.hpp"

namespace enas::supernet {

using nn::DropoutMask;

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
