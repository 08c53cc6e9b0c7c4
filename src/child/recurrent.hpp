// SPDX-License-Identifier: Apache-2.0
// A language model with one fixed recurrent cell, trained from scratch (Pham et al. 2018, 3.1).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "child/network.hpp"
#include "child/options.hpp"
#include "nn/precision.hpp"
#include "nn/recurrent/language_model.hpp"
#include "space/recurrent.hpp"

namespace enas::child {

/// The nodes whose mean is the cell's output, ascending.
std::vector<int> cell_outputs(const space::RecurrentCell& cell, CellOutput output);

/// All weights in their order, without allocating any: "embedding" [V, H]; with an output bias
/// "output/bias" [V]; "node/0" [2H, 2H] with rows [input; state]; "node/<l>" [H, 2H]. Columns of
/// nodes are [value | gate].
std::vector<nn::WeightShape> recurrent_network_shapes(const space::RecurrentCell& cell,
                                                      const RecurrentNetworkOptions& options,
                                                      int vocabulary_size);

class RecurrentNetwork final : public Network {
 public:
  /// Initial weights are addressed by tensor name, so they depend on the seed alone. Throws
  /// ConfigError on values out of range.
  RecurrentNetwork(const space::RecurrentCell& cell, const RecurrentNetworkOptions& options,
                   int vocabulary_size, std::uint64_t seed);

  const std::vector<nn::Weight>& weights() const override { return weights_; }
  const std::vector<nn::Weight>& averages() const override { return averages_; }
  double multiply_adds() const override;
  at::Tensor initial_state(std::int64_t batch_size) const override;
  /// `progress` has no effect here.
  nn::Pass train(const nn::Batch& batch, at::Tensor& state, const nn::StepAddress& address,
                 double progress) const override;
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override;

 private:
  nn::LanguageModelWeights model_weights() const;

  nn::Cell cell_;
  nn::LanguageModelOptions options_;
  bool output_bias_;
  std::vector<nn::Weight> weights_;
  std::vector<nn::Weight> averages_;          // none
  std::unique_ptr<nn::Workspace> workspace_;  // const passes write into it
};

}  // namespace enas::child
