// SPDX-License-Identifier: Apache-2.0
// The training of one architecture as the driver drives it: epochs of steps, validation after each,
// the best weights kept.
#pragma once

#include <string>
#include <vector>

#include "child/averaging_trigger.hpp"
#include "child/network.hpp"
#include "comm/gradient_reducer.hpp"
#include "nn/weight_average.hpp"
#include "run/driver.hpp"
#include "space/architecture_file.hpp"
#include "task/task.hpp"
#include "train/options.hpp"
#include "train/single_network.hpp"
#include "train/step.hpp"
#include "train/training_log.hpp"
#include "train/training_reporter.hpp"
#include "train/training_state.hpp"

namespace enas::train {

/// What a training works on; must outlive it.
struct TrainingParts {
  const Options& options;
  const space::ArchitectureFile& architecture;
  const child::Network& network;
  comm::GradientReducer& reducer;
  task::Task& task;
};

class TrainingJob final : public run::Job {
 public:
  TrainingJob(const run::Context& context, const TrainingParts& parts);

  const run::CheckpointKind& kind() const override { return kTrainingCheckpoint; }
  run::State state() override;
  TrainingProgress& position() override { return state_.progress; }
  const TrainingProgress& position() const override { return state_.progress; }
  run::StepLog& rows() override { return rows_; }
  void write_facts(io::ImageWriter& image) const override;
  const char* weight_section() const override { return "train"; }

  bool done() const override { return state_.progress.epoch >= options_.epochs; }
  run::StepOutcome advance(std::int64_t wishes) override;
  void end_stretch() override;

  void started(bool is_resumed) override;
  void saved() override { reporter_.status(state_.progress, "training", ""); }
  void failed(const Error& error) override { reporter_.failed(state_.progress, error); }
  void ended(const std::string& reason, double wall_seconds) override {
    reporter_.ended(state_.progress, reason, wall_seconds);
  }

 private:
  /// A copy of what a network has learnt.
  struct LearntValues {
    std::vector<nn::Weight> weights;
    std::vector<nn::Weight> averages;
  };

  void check_progress() const;
  void note_bad_slots(const StepReport& report);
  nn::Score validate();
  void keep_best(const nn::Score& score);

  comm::World& world_;
  Log& log_;
  const run::Directory& directory_;
  TrainingParts parts_;
  const Options& options_;
  std::string architecture_;  ///< in the native format
  TrainingState state_;
  SingleNetwork trained_;
  Step step_;
  nn::WeightAverage average_;
  child::AveragingTrigger trigger_;
  LearntValues best_;  ///< of the best epoch
  TrainingLog rows_;
  TrainingReporter reporter_;
  double lr_ = 0.0;  ///< of the last step
};

}  // namespace enas::train
