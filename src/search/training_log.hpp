// SPDX-License-Identifier: Apache-2.0
// The HDF5 log of a training: its steps and epochs since the last checkpoint, in memory.
#pragma once

#include <cstdint>
#include <string>

#include "io/hdf5_image.hpp"
#include "search/log_table.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"
#include "search/training_state.hpp"
#include "search/training_step.hpp"

namespace enas::search {

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
class TrainingLog {
 public:
  explicit TrainingLog(const Metric& metric);

  void add_step(const TrainingProgress& progress, const TrainingStepReport& report);
  void add_epoch(const TrainingProgress& progress, const EpochReport& report);
  void add_event(std::int64_t step, const std::string& kind, const std::string& text);
  io::Image image(std::int64_t first_step, std::int64_t end_step, const ConfigRecord& record,
                  const std::string& architecture) const;
  void clear();

 private:
  Metric metric_;
  LogTable steps_;
  LogTable epochs_;
  LogTable events_;
};

}  // namespace enas::search
