// SPDX-License-Identifier: Apache-2.0
// The order of things: Pham et al. 2018, section 2.2, as a loop over steps on many ranks.
#pragma once

#include <memory>
#include <vector>

#include "search/checkpointer.hpp"
#include "search/controller_step.hpp"
#include "search/fault.hpp"
#include "search/replica_guard.hpp"
#include "search/reporter.hpp"
#include "search/run_log.hpp"
#include "search/search_content.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/stop_control.hpp"
#include "search/straggler.hpp"
#include "search/task.hpp"
#include "search/validation.hpp"
#include "search/weight_optimizer.hpp"
#include "search/weight_step.hpp"

namespace enas::search {

/// What the loop works on; owned by run_search().
struct SearchWorld {
  comm::World& world;
  Log& log;
  const Settings& settings;
  const RunLimits& limits;
  const space::SearchSpace& space;
  const supernet::Supernet& supernet;
  Strategy& strategy;
  comm::GradientReducer& reducer;
  Task& task;
  RunDirectory& directory;
  const RunIdentity& identity;
};

class SearchLoop {
 public:
  explicit SearchLoop(const SearchWorld& parts);

  /// Collective. Resumes or starts, then runs to the end or to a stop.
  ExitCode run();

 private:
  ExitCode search();
  void start_or_resume();
  bool done() const;
  void weight_step();
  void controller_step();
  void begin_weight_phase();
  void end_phase();
  void inject_flips(const FaultMoment& moment);
  void finish_round();
  void finish_step();
  void roll_back();
  void recover(const ReplicasDiffer& difference);
  void reload(bool before_bad_steps);
  void save_last();
  ExitCode end();

  std::int64_t steps_in_phase() const;
  std::int64_t first_phase() const;
  void reset_slot_states();

  SearchWorld parts_;
  SearchState state_;
  FaultInjector faults_;
  RunLog run_log_;
  WeightOptimizer optimizer_;
  StragglerWatch stragglers_;
  ReplicaGuard guard_;
  SearchContent content_;
  Checkpointer checkpointer_;
  WeightStep weight_step_;
  ControllerStep controller_step_;
  StopControl stop_control_;
  Reporter reporter_;
  std::vector<int> touched_;  ///< weights that the last weight step moved
  std::int64_t flags_ = 0;    ///< of the last step, all ranks
  bool round_ended_ = false;
  bool stopped_ = false;
  std::int64_t detected_at_ = -1;  ///< step at which replicas were first found to differ
};

}  // namespace enas::search
