// SPDX-License-Identifier: Apache-2.0
// What the batch system says about the job that this process runs in: Slurm's variables.
#pragma once

#include <string>
#include <vector>

namespace enas::run {

struct BatchJob {
  std::string id;    ///< "" outside a batch job
  int restarts = 0;  ///< how often the job was requeued
  double end_s = 0;  ///< when it must be over, seconds since 1970; infinity when that is not known
  std::vector<std::string> warnings;  ///< variables that hold no number, a line each

  /// "12", and "12 (restart 1)" once it was requeued; "" outside a batch job.
  std::string name() const;
  /// From now on; infinity when the end is not known, 0 when it has passed.
  double seconds_left() const;
};

/// From SLURM_JOB_ID, SLURM_RESTART_COUNT and SLURM_JOB_END_TIME. A value that makes no sense is
/// told in `warnings` and counts as unset: it must not stop a run at once, job after job.
BatchJob present_batch_job();

}  // namespace enas::run
