// SPDX-License-Identifier: Apache-2.0
// A space whose architectures were all trained alone: nothing is trained, scores are looked up.
#pragma once

#include <memory>
#include <string>

#include "search/score_table.hpp"
#include "search/task.hpp"

namespace enas::search {

class TabularTask final : public Task {
 public:
  explicit TabularTask(const Settings& settings);

  const Metric& metric() const override { return metric_; }
  DataShape data_shape() const override { return {{}, table_}; }
  Preprocessing preprocessing() const override { return {}; }
  const io::Digest& data_digest() const override { return table_->digest(); }
  std::string describe_data() const override;
  std::int64_t steps_in_pass(std::int64_t) const override { return 0; }
  nn::Batch training_batch(const StepPlace& place, int slot) override;
  double lr_factor(const StepPlace&) const override { return 1.0; }
  nn::Score reward_score(const Scorer& child, int rollout, std::int64_t step) const override;
  double reward(double metric) const override;
  nn::Score validation_score(const Scorer& child) const override;
  nn::Score whole_validation_score(const Scorer& child) const override;
  std::int64_t num_parts(const SplitCut&) const override { return 1; }
  nn::Score part_score(const Scorer& child, const SplitCut& cut, std::int64_t part) const override;
  std::string validation_text() const override;
  std::string whole_validation_text() const override { return validation_text(); }
  double activation_bytes() const override { return 0.0; }

 private:
  const Settings& settings_;
  std::shared_ptr<const ScoreTable> table_;
  Metric metric_;
};

}  // namespace enas::search
