// SPDX-License-Identifier: Apache-2.0
// Image classification: batches of labelled images, judged by accuracy.
#pragma once

#include <memory>
#include <string>

#include "data/image_batches.hpp"
#include "data/image_set.hpp"
#include "data/training_prefetch.hpp"
#include "task/task.hpp"

namespace enas::task {

class ImageTask final : public Task {
 public:
  ImageTask(const Options& options, const SlotRange& own_slots);

  const Metric& metric() const override { return metric_; }
  nn::DataShape data_shape() const override {
    return {.channels = images_.shape.channels,
            .height = images_.shape.height,
            .width = images_.shape.width,
            .num_classes = images_.num_classes};
  }
  Preprocessing preprocessing() const override;
  const io::Digest& data_digest() const override { return images_.digest; }
  const io::Digest& digest_without_test() const override { return images_.digest_without_test; }
  std::string describe_data() const override;
  std::vector<std::string> data_warnings() const override;
  std::int64_t steps_in_pass(std::int64_t) const override { return batches_.steps_in_pass(); }
  nn::Batch training_batch(const StepPlace& place, int slot) override;
  double lr_factor(const StepPlace&) const override { return 1.0; }
  nn::Score reward_score(const Scorer& child, int rollout, std::int64_t step) const override;
  nn::Score validation_score(const Scorer& child) const override;
  nn::Score whole_validation_score(const Scorer& child) const override;
  std::int64_t num_parts(const SplitCut& cut) const override;
  nn::Score part_score(const Scorer& child, const SplitCut& cut, std::int64_t part) const override;
  std::string validation_text() const override;
  std::string whole_validation_text() const override;

 private:
  std::int64_t validation_batches() const;
  const data::ImageSplit& images_of(Split split) const;

  const Options options_;
  data::ImageSet images_;
  Metric metric_;
  data::ImageBatches batches_;
  std::unique_ptr<data::TrainingPrefetch> prefetch_;  ///< none where no slot is owned
};

}  // namespace enas::task
