// SPDX-License-Identifier: Apache-2.0
#include "search/stop_control.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "core/stop_request.hpp"
#include "search/step_record.hpp"

namespace enas::search {

namespace {

constexpr double kSlurmMargin_s = 120.0;
/// Looking for files in every step would be felt on a parallel file system.
constexpr double kFileInterval_s = 1.0;

double slurm_seconds_left() {
  const char* end = std::getenv("SLURM_JOB_END_TIME");
  if (end == nullptr) return std::numeric_limits<double>::infinity();
  char* rest = nullptr;
  const double end_s = std::strtod(end, &rest);
  // A value that is no time must not stop the run at once, job after job.
  if (!(end_s > 0.0) || *rest != '\0') return std::numeric_limits<double>::infinity();
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return std::max(end_s - now - kSlurmMargin_s, 0.0);
}

}  // namespace

StopControl::StopControl(bool is_root, std::filesystem::path run_directory, double max_time_s,
                         double checkpoint_every_s)
    : is_root_(is_root),
      run_directory_(std::move(run_directory)),
      max_time_s_(max_time_s > 0.0 ? max_time_s : slurm_seconds_left()),
      checkpoint_every_s_(checkpoint_every_s) {}

std::int64_t StopControl::wishes(double seconds_since_save) {
  std::int64_t flags = 0;
  if (stop_requested()) {
    reason_ = stop_signal_name();
    flags |= kFlagStop;
  }
  if (take_checkpoint_request()) flags |= kFlagCheckpoint;
  if (!is_root_) return flags;
  if (since_start_.seconds() >= max_time_s_) {
    if (reason_.empty()) reason_ = "time limit";
    flags |= kFlagStop;
  }
  if (checkpoint_every_s_ > 0.0 && seconds_since_save >= checkpoint_every_s_) {
    flags |= kFlagCheckpoint;
  }
  if (since_start_.seconds() - checked_files_at_s_ >= kFileInterval_s) {
    checked_files_at_s_ = since_start_.seconds();
    if (control_file("STOP")) stop_file_seen_ = true;
    if (control_file("CHECKPOINT")) flags |= kFlagCheckpoint;
  }
  if (stop_file_seen_) {
    reason_ = "STOP file";
    flags |= kFlagStop;
  }
  return flags;
}

std::string StopControl::reason() const {
  return reason_.empty() ? "a signal to another rank" : reason_;
}

bool StopControl::control_file(const char* name) {
  // Removed when seen, or the next job would stop at once.
  std::error_code ignored;
  return std::filesystem::remove(run_directory_ / name, ignored);
}

}  // namespace enas::search
