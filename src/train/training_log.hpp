// SPDX-License-Identifier: Apache-2.0
// The HDF5 log of a training: its steps and epochs since the last checkpoint, in memory.
#pragma once

#include <cstdint>
#include <string>

#include "io/hdf5_image.hpp"
#include "run/step_log.hpp"
#include "task/task.hpp"
#include "train/options.hpp"
#include "train/step.hpp"
#include "train/training_state.hpp"

namespace enas::train {

/// What an epoch's end shows.
struct EpochReport {
  double train_loss = 0.0;  ///< mean over the epoch's steps and finite slots
  double train_metric = 0.0;
  double validation_loss = 0.0;
  double validation_metric = 0.0;
  bool is_averaged = false;  ///< validation is of the averaged weights
  double lr = 0.0;
  double seconds = 0.0;
};

/// Used on rank 0. Rows carry the step as it was before the step was done.
class TrainingLog final : public run::StepLog {
 public:
  /// `architecture` is its text in the native format.
  TrainingLog(const task::Metric& metric, std::string architecture);

  void add_step(const TrainingProgress& progress, const StepReport& report);
  void add_epoch(const TrainingProgress& progress, const EpochReport& report);

 private:
  void write_facts(io::ImageWriter& image) const override;

  task::Metric metric_;
  std::string architecture_;
  run::LogTable& steps_;
  run::LogTable& epochs_;
};

}  // namespace enas::train
