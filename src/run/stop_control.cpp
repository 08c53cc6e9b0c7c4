// SPDX-License-Identifier: Apache-2.0
#include "run/stop_control.hpp"

#include <algorithm>
#include <limits>

#include "core/stop_request.hpp"
#include "run/lock.hpp"
#include "run/step_record.hpp"

namespace enas::run {

namespace {

/// For what is not measured: the end of the program, and the batch script's last commands.
constexpr double kJobMargin_s = 30.0;
/// Looking for files in every step would be felt on a parallel file system.
constexpr double kFileInterval_s = 1.0;

}  // namespace

StopControl::StopControl(bool is_root, const std::filesystem::path& run_directory,
                         const Limits& limits, double checkpoint_every_s, bool holds_lock)
    : is_root_(is_root),
      folders_({run_directory}),
      max_time_s_(limits.max_time_s),
      job_(present_batch_job()),
      checkpoint_every_s_(checkpoint_every_s),
      holds_lock_(holds_lock) {
  if (!limits.pipeline.empty()) folders_.push_back(limits.pipeline);
  // An end that has passed is not this job's: it would stop every start after its first step.
  if (job_.seconds_left() == 0.0) job_.end_s = std::numeric_limits<double>::infinity();
}

std::int64_t StopControl::wishes(double seconds_since_save, double save_cost_s) {
  if (since_wishes_) longest_turn_s_ = std::max(longest_turn_s_, since_wishes_->seconds());
  since_wishes_.emplace();
  std::int64_t flags = 0;
  if (stop_requested()) {
    reason_ = stop_signal_name();
    flags |= kFlagStop;
  }
  if (take_checkpoint_request()) flags |= kFlagCheckpoint;
  if (!is_root_) return flags;
  if (time_is_up(save_cost_s)) {
    if (reason_.empty()) reason_ = "time limit";
    flags |= kFlagStop;
  }
  if (checkpoint_every_s_ > 0.0 && seconds_since_save >= checkpoint_every_s_) {
    flags |= kFlagCheckpoint;
  }
  if (since_start_.seconds() - checked_files_at_s_ >= kFileInterval_s) {
    checked_files_at_s_ = since_start_.seconds();
    if (control_file("STOP")) stop_file_seen_ = true;
    if (holds_lock_ && control_file("CHECKPOINT")) flags |= kFlagCheckpoint;
  }
  if (stop_file_seen_) {
    reason_ = "STOP file";
    flags |= kFlagStop;
  }
  return flags;
}

void StopControl::look_for_files() { checked_files_at_s_ = -kFileInterval_s; }

/// A stop takes effect after the step that carries it, and after what may follow it: a validation,
/// a periodic checkpoint. All of that has been seen as the longest turn; the last checkpoint, at
/// worst slower than those before, counts twice.
bool StopControl::time_is_up(double save_cost_s) const {
  if (max_time_s_ > 0.0) return since_start_.seconds() >= max_time_s_;
  return job_.seconds_left() <= kJobMargin_s + longest_turn_s_ + 2.0 * save_cost_s;
}

std::string StopControl::reason() const {
  return reason_.empty() ? "a signal to another rank" : reason_;
}

bool StopControl::control_file(const char* name) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  bool seen = false;
  for (const auto& folder : folders_) {
    if (!fs::exists(fs::symlink_status(folder / name, ignored))) continue;
    // Removed when seen, or the next job would stop at once; but not before the job that works
    // there has seen it.
    const bool is_left = !holds_lock_ && is_held_by_another_job(folder / "run.lock");
    seen |= is_left || fs::remove(folder / name, ignored);
  }
  return seen;
}

}  // namespace enas::run
