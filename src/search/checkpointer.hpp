// SPDX-License-Identifier: Apache-2.0
// Saving and loading the search as a whole: a log part and a checkpoint are one transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "search/checkpoint.hpp"
#include "search/replica_guard.hpp"
#include "search/run_directory.hpp"
#include "search/run_log.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"
#include "search/weight_optimizer.hpp"

namespace enas::search {

/// What a checkpoint is made of, owned elsewhere.
struct SearchParts {
  const supernet::Supernet& supernet;
  const WeightOptimizer& optimizer;
  Strategy& strategy;
  SearchState& state;
  RunLog& run_log;
  const space::SearchSpace& space;
  const Task& task;
};

/// Which checkpoint to load.
struct LoadRequest {
  std::optional<std::filesystem::path>
      path;                       ///< this one; otherwise the newest valid one of the run directory
  bool force = false;             ///< although identity keys differ
  bool before_bad_steps = false;  ///< not one written while steps had no finite slot
};

class Checkpointer {
 public:
  Checkpointer(comm::World& world, Log& log, const RunDirectory& directory, ReplicaGuard& guard,
               const Settings& settings, RunIdentity identity, SearchParts parts);

  /// Collective. Compares all replica state, writes the log part and then the checkpoint, prunes. A
  /// failed write is a warning until checkpoint.max_failures in a row (Error 74, on all ranks
  /// alike). Throws ReplicasDiffer. True when it was written.
  bool save();
  /// Collective. Loads what is asked for; of several candidates the newest valid one; bad ones are
  /// named in a warning, and renamed "*.bad" when an older one is good. False when there is none at
  /// all. Throws alike on all ranks: ConfigError when the configuration disagrees, InputError when
  /// every candidate is bad.
  bool load(const LoadRequest& request);
  /// True when ω, its momentum and the strategy's state are finite on this rank (replicas are
  /// equal): what is not finite is never stored.
  bool state_is_finite();

  std::int64_t last_step() const { return last_step_; }
  double seconds_since_save() const { return since_save_.seconds(); }
  double wall_seconds() const { return identity_.wall_seconds + since_start_.seconds(); }
  /// Who wrote the loaded checkpoint, and who goes on. Rank 0.
  const RunIdentity& loaded() const { return loaded_; }
  const RunIdentity& identity() const { return identity_; }

 private:
  CheckpointView view(std::vector<float>& slot_state);
  std::vector<float> gather_slot_state();
  void scatter_slot_state(const std::vector<float>& all);
  void write_on_root(const std::vector<float>& slot_state);
  void discard_on_root() const;
  double write_checkpoint_on_root(const std::vector<float>& slot_state);
  bool read_newest_on_root(const std::vector<CheckpointFile>& candidates,
                           const LoadRequest& request, std::vector<float>& slot_state);
  void broadcast_loaded(const std::vector<float>& slot_state);

  comm::World& world_;
  Log& log_;
  const RunDirectory& directory_;
  ReplicaGuard& guard_;
  const Settings& settings_;
  RunIdentity identity_;
  RunIdentity loaded_;
  SearchParts parts_;
  std::vector<std::int64_t> slot_shape_;  ///< of one slot's carried state
  Stopwatch since_start_;
  Stopwatch since_save_;
  std::int64_t last_step_ = -1;  ///< of the newest checkpoint; -1 for none
  std::int64_t log_begin_ = 0;   ///< first step whose rows are in memory
  int failures_ = 0;
};

}  // namespace enas::search
