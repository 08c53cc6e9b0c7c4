// SPDX-License-Identifier: Apache-2.0
// The order of things in a training: epochs of steps, validation after each, the best kept.
#pragma once

#include <string>
#include <vector>

#include "child/averaging_trigger.hpp"
#include "comm/gradient_reducer.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "nn/weight_average.hpp"
#include "search/checkpointer.hpp"
#include "search/fault.hpp"
#include "search/replica_guard.hpp"
#include "search/run_directory.hpp"
#include "search/stop_control.hpp"
#include "search/straggler.hpp"
#include "search/task.hpp"
#include "search/training_content.hpp"
#include "search/training_log.hpp"
#include "search/training_state.hpp"
#include "search/training_step.hpp"
#include "search/weight_optimizer.hpp"
#include "space/architecture_file.hpp"

namespace enas::search {

/// What the loop works on; owned by run_training().
struct TrainingWorld {
  comm::World& world;
  Log& log;
  const Settings& settings;
  const RunLimits& limits;
  const space::ArchitectureFile& architecture;
  const child::Network& network;
  comm::GradientReducer& reducer;
  Task& task;
  RunDirectory& directory;
  const RunIdentity& identity;
};

class TrainingLoop {
 public:
  explicit TrainingLoop(const TrainingWorld& parts);

  /// Collective. Resumes or starts, then runs to the end or to a stop.
  ExitCode run();

 private:
  ExitCode train();
  void start_or_resume();
  void report_start(bool resumed);
  bool done() const;
  void step();
  void inject_flips(const FaultMoment& moment);
  void finish_step();
  void finish_epoch();
  void keep_best(const nn::Score& score);
  nn::Score validate();
  void roll_back();
  void recover(const ReplicasDiffer& difference);
  void reload(bool before_bad_steps);
  void reset_slot_states();
  void status(const std::string& phase, const std::string& reason);
  void save_last();
  ExitCode end();

  TrainingWorld parts_;
  const TrainOptions& options_;
  TrainingState state_;
  FaultInjector faults_;
  WeightOptimizer optimizer_;
  nn::WeightAverage average_;
  child::AveragingTrigger trigger_;
  LearntValues best_;
  TrainingLog log_;
  StragglerWatch stragglers_;
  TrainingStep training_step_;
  TrainingContent content_;
  Checkpointer checkpointer_;
  StopControl stop_control_;
  Stopwatch since_epoch_;
  double lr_ = 0.0;  ///< of the last step
  std::int64_t flags_ = 0;
  bool epoch_ended_ = false;
  bool stopped_ = false;
  std::int64_t detected_at_ = -1;  ///< step at which replicas were first found to differ
};

}  // namespace enas::search
