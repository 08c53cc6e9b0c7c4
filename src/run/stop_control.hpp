// SPDX-License-Identifier: Apache-2.0
// Everything that may end a run early or ask for a checkpoint, as flags for a step's record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "run/batch_job.hpp"
#include "run/options.hpp"

namespace enas::run {

/// Rank 0 watches the clock and the control files STOP and CHECKPOINT in the run directory, and in
/// that of the pipeline that the run is a stage of; every rank watches its signals. Flags act only
/// after all ranks have seen them. Work without steps, a derivation or an evaluation, asks it
/// between its parts.
class StopControl {
 public:
  /// limits.max_time_s 0: the end of the batch job, where it is known, less what a stop takes.
  /// `checkpoint_every_s` 0: never by the clock. Without the lock of the run directory
  /// (`holds_lock`) CHECKPOINT is left alone, and STOP is obeyed but left in place while another
  /// job holds the lock, for which it may be meant.
  StopControl(bool is_root, const std::filesystem::path& run_directory, const Limits& limits,
              double checkpoint_every_s, bool holds_lock = true);

  /// This rank's flags for the next step (StepFlag). `seconds_since_save` and `save_cost_s`, what a
  /// checkpoint takes, are rank 0's.
  std::int64_t wishes(double seconds_since_save = 0.0, double save_cost_s = 0.0);
  /// The next wishes() look for the control files, however long ago that was done.
  void look_for_files();
  /// Why a stop was asked for, as far as this rank knows; "a signal to another rank" otherwise.
  std::string reason() const;

 private:
  bool control_file(const char* name);
  bool time_is_up(double save_cost_s) const;

  bool is_root_;
  std::vector<std::filesystem::path> folders_;
  double max_time_s_;
  BatchJob job_;
  double checkpoint_every_s_;
  bool holds_lock_;
  double checked_files_at_s_ = 0.0;
  Stopwatch since_start_;
  std::optional<Stopwatch> since_wishes_;
  double longest_turn_s_ = 0.0;  ///< from one step's wishes to the next
  bool stop_file_seen_ = false;  ///< the file is gone then, the wish stays
  std::string reason_;
};

}  // namespace enas::run
