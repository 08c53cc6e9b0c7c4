// SPDX-License-Identifier: Apache-2.0
// What people see of a running training: the live line, a line an epoch, status.json.
#pragma once

#include <string>

#include "child/network.hpp"
#include "core/clock.hpp"
#include "run/driver.hpp"
#include "task/task.hpp"
#include "train/options.hpp"
#include "train/training_log.hpp"
#include "train/training_state.hpp"

namespace enas::train {

/// Made on every rank; only rank 0 writes. Failing to write a file here is a warning, never the
/// end.
class TrainingReporter {
 public:
  TrainingReporter(const run::Context& context, const Options& options, const task::Task& task);

  void started(bool is_resumed, const TrainingProgress& progress, const child::Network& network);
  void step(const TrainingProgress& progress, const StepReport& report);
  /// Wall time of the epoch that ends now, in seconds.
  double end_epoch() { return since_epoch_.restart(); }
  void epoch(const TrainingProgress& progress, const EpochReport& report);
  /// Brings status.json up to date.
  void status(const TrainingProgress& progress, const std::string& phase,
              const std::string& reason);
  /// Not collective. Leaves the reason in status.json.
  void failed(const TrainingProgress& progress, const Error& error);
  void ended(const TrainingProgress& progress, const std::string& reason, double wall_seconds);

 private:
  run::Context context_;
  const Options& options_;
  const task::Task& task_;
  Stopwatch since_epoch_;
};

}  // namespace enas::train
