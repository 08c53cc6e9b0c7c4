// SPDX-License-Identifier: Apache-2.0
#include "search/checkpointer.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "io/durable_file.hpp"

namespace enas::search {

Checkpointer::Checkpointer(comm::World& world, Log& log, const RunDirectory& directory,
                           const CheckpointOptions& options, RunIdentity identity,
                           CheckpointContent& content)
    : world_(world),
      log_(log),
      directory_(directory),
      options_(options),
      identity_(std::move(identity)),
      content_(content) {}

bool Checkpointer::save() {
  const Stopwatch watch;
  content_.gather();
  const std::int64_t step = content_.step();
  world_.note_progress("checkpoint", step);
  bool written = true;
  std::string failure;
  if (world_.is_root()) {
    try {
      write_on_root();
    } catch (const SystemError& error) {
      written = false;
      failure = error.what();
      discard_on_root();
    }
  }
  written = world_.broadcast_value(written);
  save_cost_s_ = std::max(save_cost_s_, watch.seconds());
  since_save_.restart();
  if (written) {
    failures_ = 0;
    last_step_ = step;
    log_begin_ = last_step_;
    return true;
  }
  ++failures_;
  const std::string before =
      last_step_ < 0 ? "there is none yet" : concat("the one of step ", last_step_, " stays");
  log_.warn(concat("checkpoint at step ", step, " was not written (", failure, "); ", before,
                   "; failure ", failures_, " of ", options_.max_failures,
                   " allowed (checkpoint.max_failures)"));
  if (failures_ >= options_.max_failures) {
    throw ConfigError(
        concat("no checkpoint could be written ", failures_, " times in a row; free space in ",
               directory_.root().string(), " or raise checkpoint.max_failures"),
        ExitCode::io_error);
  }
  return false;
}

void Checkpointer::write_on_root() {
  const std::int64_t step = content_.step();
  const Stopwatch watch;
  if (step > log_begin_) {
    const auto part = content_.log_image_on_root(log_begin_, step, identity_.config);
    io::write_sealed(directory_.log_part_path(log_begin_, step), part);
  }
  const double bytes = write_checkpoint_on_root();
  directory_.write_latest(step);
  directory_.prune(options_.keep);
  content_.clear_log();
  log_.info(concat("checkpoint at step ", step, ": ", human_bytes(bytes), " in ",
                   human_duration(watch.seconds())));
}

/// A part without its checkpoint would be written a second time, with more rows; a checkpoint
/// without its part would leave a gap in the log of a run that resumes from it.
void Checkpointer::discard_on_root() const {
  const std::int64_t step = content_.step();
  if (step == last_step_) return;
  std::error_code ignored;
  std::filesystem::remove(directory_.checkpoint_path(step), ignored);
  std::filesystem::remove(directory_.log_part_path(log_begin_, step), ignored);
}

double Checkpointer::write_checkpoint_on_root() {
  RunIdentity identity = identity_;
  identity.wall_seconds = wall_seconds();
  const auto image = content_.image_on_root(identity);
  const double bytes = static_cast<double>(std::span<const std::byte>(image).size());
  if (io::free_bytes(directory_.root()) < 1.2 * bytes) {
    throw SystemError(concat("only ", human_bytes(io::free_bytes(directory_.root())), " free for ",
                             human_bytes(bytes)));
  }
  const auto path = directory_.checkpoint_path(content_.step());
  io::write_sealed(path, image);
  if (options_.verify_after_write) {
    try {
      static_cast<void>(io::read_sealed(path));
    } catch (const InputError& error) {
      directory_.set_aside_bad(path);
      throw SystemError(concat("what was written reads back damaged: ", error.what()));
    }
  }
  return bytes;
}

bool Checkpointer::load(const LoadRequest& request) {
  const Stopwatch watch;
  bool found = false;
  ExitCode code = ExitCode::success;
  std::string failure;
  if (world_.is_root()) {
    try {
      const auto candidates =
          request.path ? std::vector<CheckpointFile>{{0, *request.path}} : directory_.checkpoints();
      found = read_newest_on_root(candidates, request);
    } catch (const Error& error) {
      code = error.code();
      failure = error.what();
    }
  }
  if (const auto shared = world_.share_failure(code, failure)) {
    throw ConfigError(shared.message, shared.code);
  }
  found = world_.broadcast_value(found);
  if (found) broadcast_loaded();
  save_cost_s_ = std::max(save_cost_s_, watch.seconds());
  return found;
}

bool Checkpointer::read_newest_on_root(const std::vector<CheckpointFile>& candidates,
                                       const LoadRequest& request) {
  std::vector<std::string> reasons;
  std::vector<std::filesystem::path> bad;
  for (const auto& candidate : candidates) {
    std::vector<std::string> differences;
    try {
      const CheckpointReader reader(candidate.path, content_.kind());
      differences = identity_differences(reader.identity(), identity_);
      if (!differences.empty() && !request.force) {
        throw ConfigError(
            concat("the configuration disagrees with ", candidate.path.string(), ":\n  ",
                   join(differences, "\n  "),
                   "\nrestore these values, start anew in another --run-dir, or take the "
                   "checkpoint as it is with --force-resume, if its arrays still fit"));
      }
      content_.read_on_root(reader);
      if (request.before_bad_steps && content_.bad_steps() > 0) continue;
      loaded_ = reader.identity();
      for (const auto& difference : differences) log_.warn("--force-resume: " + difference);
      for (const auto& path : bad) directory_.set_aside_bad(path);
      return true;
    } catch (const InputError& error) {
      if (!differences.empty()) {
        // The file may be sound: it is the configuration that was changed.
        throw ConfigError(concat("--force-resume cannot take this checkpoint: ", error.what(),
                                 "; the configuration disagrees with it:\n  ",
                                 join(differences, "\n  ")));
      }
      if (request.path) throw;
      // Renamed only when an older one is good: a run without any must not start anew by itself.
      bad.push_back(candidate.path);
      reasons.emplace_back(error.what());
      log_.warn(
          concat("cannot resume from a checkpoint: ", reasons.back(), "; trying the one before"));
    }
  }
  if (reasons.empty()) return false;
  throw InputError(concat("no checkpoint can be used:\n  ", join(reasons, "\n  "),
                          "\nstart anew with --resume never (nothing is deleted)"));
}

void Checkpointer::broadcast_loaded() {
  content_.scatter();
  // Only what other jobs spent: a reload in the middle of this one takes no time back.
  if (last_step_ < 0) identity_.wall_seconds = world_.broadcast_value(loaded_.wall_seconds);
  if (world_.is_root()) {
    for (auto it = loaded_.jobs.rbegin(); it != loaded_.jobs.rend(); ++it) {
      if (std::find(identity_.jobs.begin(), identity_.jobs.end(), *it) == identity_.jobs.end()) {
        identity_.jobs.insert(identity_.jobs.begin(), *it);
      }
    }
  }
  content_.clear_log();
  last_step_ = content_.step();
  log_begin_ = last_step_;
  since_save_.restart();
}

}  // namespace enas::search
