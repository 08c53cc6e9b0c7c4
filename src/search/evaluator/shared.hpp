// SPDX-License-Identifier: Apache-2.0
// Children scored with weights that all of them share (paper, 2.2).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "search/evaluator/evaluator.hpp"
#include "supernet/supernet.hpp"
#include "train/compute_device.hpp"

namespace enas::search {

class SharedEvaluator final : public Evaluator {
 public:
  /// Reads or makes the data.
  SharedEvaluator(const Settings& settings, const comm::Block& own_slots);

  /// Makes the weights: before anything is scored.
  void make_weights(const train::ComputeDevice& device);
  const supernet::Supernet& supernet() const { return *supernet_; }
  task::Task& task() { return *task_; }

  nn::Score reward_score(const space::Architecture& child, int rollout,
                         std::int64_t step) const override;
  nn::Score validation_score(const space::Architecture& child) const override;
  nn::Score whole_validation_score(const space::Architecture& child) const override;
  std::string validation_text() const override;
  std::string whole_validation_text() const override;
  const task::Metric& metric() const override { return task_->metric(); }
  const io::Digest& data_digest() const override { return task_->data_digest(); }
  const io::Digest& digest_without_test() const override { return task_->digest_without_test(); }
  std::string describe_data() const override { return task_->describe_data(); }
  std::vector<std::string> data_warnings() const override { return task_->data_warnings(); }
  Json data_facts() const override { return task_->data_facts(); }
  nn::DataShape data_shape() const override { return task_->data_shape(); }
  std::int64_t weight_steps(std::int64_t round) const override {
    return task_->steps_in_pass(round);
  }
  SharedEvaluator* shared() override { return this; }

 private:
  space::SpaceOptions space_;
  supernet::Options options_;
  std::uint64_t seed_;
  std::unique_ptr<task::Task> task_;
  std::unique_ptr<supernet::Supernet> supernet_;
};

}  // namespace enas::search
