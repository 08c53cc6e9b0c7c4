// SPDX-License-Identifier: Apache-2.0
// Saving and loading a job as a whole: a log part and a checkpoint are one
// transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "run/directory.hpp"
#include "run/identity.hpp"
#include "run/job.hpp"
#include "run/options.hpp"

namespace enas::run {

/// Which checkpoint to load.
struct LoadRequest {
  std::optional<std::filesystem::path>
      path;                       ///< this one; otherwise the newest valid one of the run directory
  bool force = false;             ///< although identity keys differ
  bool before_bad_steps = false;  ///< one written while steps had no finite slot only where no
                                  ///< other is good
};

class Checkpointer {
 public:
  /// All but the identity must outlive it.
  Checkpointer(comm::World& world, Log& log, const Directory& directory,
               const CheckpointOptions& options, Identity identity, Job& job);

  /// Collective. Compares all replica state, then tests whether it is finite; writes the log part
  /// and the checkpoint; prunes. A failed write is a warning until checkpoint.max_failures in a row
  /// (Error 74, on all ranks alike). Throws ReplicasDiffer or NotFinite. True when it was written.
  bool save();
  /// Collective. Loads what is asked for; of several candidates the newest valid one; bad ones are
  /// named in a warning, and renamed "*.bad" when another one is good. False when there is none at
  /// all. Throws alike on all ranks: ConfigError when the configuration disagrees, InputError when
  /// every candidate is bad.
  bool load(const LoadRequest& request);

  std::int64_t last_step() const { return last_step_; }
  double seconds_since_save() const { return since_save_.seconds(); }
  /// What a checkpoint takes: the slowest so far, and before the first the loading of one.
  double save_cost_s() const { return save_cost_s_; }
  double wall_seconds() const { return identity_.wall_seconds + since_start_.seconds(); }
  /// Who wrote the loaded checkpoint, and who goes on. Rank 0.
  const Identity& loaded() const { return loaded_; }
  const Identity& identity() const { return identity_; }

 private:
  void require_sound_state();
  void write_on_root();
  void discard_on_root() const;
  double write_checkpoint_on_root();
  io::Image image_on_root(const Identity& identity) const;
  struct PassedOver;
  bool read_newest_on_root(const std::vector<std::filesystem::path>& candidates,
                           const LoadRequest& request);
  bool read_on_root(const std::filesystem::path& candidate, const LoadRequest& request,
                    PassedOver& passed);
  void set_aside_on_root(const std::filesystem::path& damaged) const;
  void broadcast_loaded();

  comm::World& world_;
  Log& log_;
  const Directory& directory_;
  const CheckpointOptions& options_;
  Identity identity_;
  Identity loaded_;
  Job& job_;
  std::vector<float> slot_states_;  ///< of all slots, on rank 0, while saving or loading
  Stopwatch since_start_;
  Stopwatch since_save_;
  double save_cost_s_ = 0.0;
  std::int64_t last_step_ = -1;  ///< of the newest checkpoint; -1 for none
  std::int64_t log_begin_ = 0;   ///< first step whose rows are in memory
  int failures_ = 0;
};

}  // namespace enas::run
