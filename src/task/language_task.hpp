// SPDX-License-Identifier: Apache-2.0
// Language modelling: a corpus in columns, trained on segments, judged by perplexity.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/corpus.hpp"
#include "data/token_columns.hpp"
#include "task/task.hpp"

namespace enas::task {

class LanguageTask final : public Task {
 public:
  explicit LanguageTask(const Options& options);

  const Metric& metric() const override { return metric_; }
  nn::DataShape data_shape() const override {
    return {.vocabulary_size = corpus_.vocabulary_size()};
  }
  Preprocessing preprocessing() const override { return {corpus_.vocabulary, {}, {}}; }
  const io::Digest& data_digest() const override { return corpus_.digest; }
  std::string describe_data() const override;
  std::vector<std::string> data_warnings() const override;
  Json data_facts() const override;
  std::int64_t steps_in_pass(std::int64_t round) const override;
  nn::Batch training_batch(const StepPlace& place, int slot) override;
  double lr_factor(const StepPlace& place) const override;
  nn::Score reward_score(const Scorer& child, int rollout, std::int64_t step) const override;
  nn::Score validation_score(const Scorer& child) const override;
  nn::Score whole_validation_score(const Scorer& child) const override;
  std::int64_t num_parts(const SplitCut& cut) const override;
  nn::Score part_score(const Scorer& child, const SplitCut& cut, std::int64_t part) const override;
  std::string validation_text() const override;
  std::string whole_validation_text() const override;

 private:
  void check_segments() const;
  data::TokenColumns columns_of(const SplitCut& cut) const;
  const std::vector<data::Segment>& segments(std::int64_t round) const;

  const Options options_;
  data::Corpus corpus_;
  Metric metric_;
  data::TokenColumns train_;       ///< slots × batch_size columns; slot s owns the s-th batch_size
  data::TokenColumns reward_;      ///< validation split in columns of the reward batch
  data::TokenColumns validation_;  ///< validation split in columns of the validation batch
  std::vector<data::Segment> validation_segments_;
  mutable std::int64_t segments_round_ = -1;
  mutable std::vector<data::Segment> segments_;  ///< of segments_round_
};

}  // namespace enas::task
