// SPDX-License-Identifier: Apache-2.0
// The place of shared weights in a tabular space: no weights, and the score of a child is looked
// up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "search/score_table.hpp"
#include "supernet/supernet.hpp"

namespace enas::search {

class TabularSupernet final : public supernet::Supernet {
 public:
  TabularSupernet(std::string space_id, std::shared_ptr<const ScoreTable> table);

  const std::string& space_id() const override { return space_id_; }
  const std::vector<nn::Weight>& weights() const override { return weights_; }
  std::vector<int> touched(const space::Architecture&) const override { return {}; }
  double forward_flops(const space::Architecture&, at::IntArrayRef) const override { return 0.0; }
  at::Tensor initial_state(std::int64_t batch_size) const override;
  /// Throws ContractError: nothing is trained.
  nn::Pass gradient(const space::Architecture& architecture, const nn::Batch& batch,
                    at::Tensor& state, const nn::StepAddress& address) const override;
  /// The table's, whatever the batch.
  nn::Score score(const space::Architecture& architecture, const nn::Batch& batch,
                  at::Tensor& state) const override;

 private:
  std::string space_id_;
  std::shared_ptr<const ScoreTable> table_;
  std::vector<nn::Weight> weights_;
};

}  // namespace enas::search
