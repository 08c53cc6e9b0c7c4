// SPDX-License-Identifier: Apache-2.0
// Everything that may end a run early or ask for a checkpoint, as flags for a step's record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/clock.hpp"

namespace enas::search {

/// Rank 0 watches the clock and the control files STOP and CHECKPOINT in the run directory; every
/// rank watches its signals. Flags act only after all ranks have seen them.
class StopControl {
 public:
  /// `max_time_s` 0: the end of the Slurm job less 120 s where SLURM_JOB_END_TIME is set, else
  /// none. `checkpoint_every_s` 0: never by the clock.
  StopControl(bool is_root, std::filesystem::path run_directory, double max_time_s,
              double checkpoint_every_s);

  /// This rank's flags for the next step (StepFlag). `seconds_since_save` is rank 0's.
  std::int64_t wishes(double seconds_since_save);
  /// Why a stop was asked for, as far as this rank knows; "a signal to another rank" otherwise.
  std::string reason() const;

 private:
  bool control_file(const char* name);

  bool is_root_;
  std::filesystem::path run_directory_;
  double max_time_s_;
  double checkpoint_every_s_;
  double checked_files_at_s_ = 0.0;
  Stopwatch since_start_;
  bool stop_file_seen_ = false;  ///< the file is gone then, the wish stays
  std::string reason_;
};

}  // namespace enas::search
