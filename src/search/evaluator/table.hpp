// SPDX-License-Identifier: Apache-2.0
// Children scored by looking them up: every architecture of the space was trained alone before.
// Nothing is trained, so that strategies can be compared over many seeds.
#pragma once

#include <filesystem>
#include <string>

#include "search/evaluator/evaluator.hpp"
#include "search/evaluator/score_table.hpp"

namespace enas::search {

class TableEvaluator final : public Evaluator {
 public:
  /// Throws as ScoreTable does.
  TableEvaluator(const std::filesystem::path& file, const space::SearchSpace& space);

  nn::Score reward_score(const space::Architecture& child, int, std::int64_t) const override {
    return look_up(child);
  }
  nn::Score validation_score(const space::Architecture& child) const override {
    return look_up(child);
  }
  nn::Score whole_validation_score(const space::Architecture& child) const override {
    return look_up(child);
  }
  std::string validation_text() const override;
  std::string whole_validation_text() const override { return validation_text(); }
  const task::Metric& metric() const override { return metric_; }
  const io::Digest& data_digest() const override { return table_.digest(); }
  std::string describe_data() const override;
  std::int64_t weight_steps(std::int64_t) const override { return 0; }

 private:
  nn::Score look_up(const space::Architecture& child) const;

  ScoreTable table_;
  task::Metric metric_;
};

}  // namespace enas::search
