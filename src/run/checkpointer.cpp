// SPDX-License-Identifier: Apache-2.0
#include "run/checkpointer.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "io/sealed_file.hpp"
#include "run/checkpoint_choice.hpp"
#include "run/replicas.hpp"
#include "run/slot_states.hpp"
#include "run/state_file.hpp"
#include "run/together.hpp"

namespace enas::run {

Checkpointer::Checkpointer(comm::World& world, Log& log, const Directory& directory,
                           const CheckpointOptions& options, Identity identity, Job& job)
    : world_(world),
      log_(log),
      directory_(directory),
      options_(options),
      identity_(std::move(identity)),
      job_(job) {}

bool Checkpointer::save() {
  const Stopwatch watch;
  require_sound_state();
  if (const auto* slots = job_.state().slots()) {
    slot_states_ = gather_slot_states(world_, *slots->own);
  }
  const std::int64_t step = job_.position().step;
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

/// What one rank alone finds in its memory must not decide which collective comes next. So the
/// replicas are compared first; then all ranks agree on whether what they hold is finite.
void Checkpointer::require_sound_state() {
  const State state = job_.state();
  const std::int64_t step = job_.position().step;
  compare_all(world_, state, step);
  if (world_.all_agree(state.is_finite())) return;
  throw NotFinite(concat("weights that are not finite at step ", step));
}

void Checkpointer::write_on_root() {
  const std::int64_t step = job_.position().step;
  const Stopwatch watch;
  if (step > log_begin_) {
    const auto part = job_.rows().image(log_begin_, step, identity_.config);
    io::write_sealed(directory_.log_part_path(log_begin_, step), part);
  }
  const double bytes = write_checkpoint_on_root();
  directory_.write_latest(step);
  directory_.prune(options_.keep);
  job_.rows().clear();
  log_.info(concat("checkpoint at step ", step, ": ", human_bytes(bytes), " in ",
                   human_duration(watch.seconds())));
}

/// A part without its checkpoint would be written a second time, with more rows; a checkpoint
/// without its part would leave a gap in the log of a run that resumes from it.
void Checkpointer::discard_on_root() const {
  const std::int64_t step = job_.position().step;
  if (step == last_step_) return;
  std::error_code ignored;
  std::filesystem::remove(directory_.checkpoint_path(step), ignored);
  std::filesystem::remove(directory_.log_part_path(log_begin_, step), ignored);
}

double Checkpointer::write_checkpoint_on_root() {
  Identity identity = identity_;
  identity.wall_seconds = wall_seconds();
  const auto image = image_on_root(identity);
  const double bytes = static_cast<double>(std::span<const std::byte>(image).size());
  if (io::free_bytes(directory_.root()) < 1.2 * bytes) {
    throw SystemError(concat("only ", human_bytes(io::free_bytes(directory_.root())), " free for ",
                             human_bytes(bytes)));
  }
  const auto path = directory_.checkpoint_path(job_.position().step);
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

io::Image Checkpointer::image_on_root(const Identity& identity) const {
  const State state = job_.state();
  std::size_t bytes = slot_states_.size() * sizeof(float);
  for (const auto& array : state.replicated()) bytes += array.bytes().size();
  io::ImageWriter image(bytes);
  begin_checkpoint(image, job_.kind(), identity, job_.position().step);
  job_.write_facts(image);
  write_state(image, state, slot_states_);
  return finish_checkpoint(image);
}

bool Checkpointer::load(const LoadRequest& request) {
  const Stopwatch watch;
  bool found = false;
  on_root(world_, [&] {
    const auto files = request.path ? checkpoints_at(*request.path) : directory_.checkpoints();
    std::vector<std::filesystem::path> candidates;
    for (const auto& file : files) candidates.push_back(file.path);
    found = read_newest_on_root(candidates, request);
  });
  found = world_.broadcast_value(found);
  if (found) broadcast_loaded();
  save_cost_s_ = std::max(save_cost_s_, watch.seconds());
  return found;
}

/// Candidates that were not taken, newest first.
struct Checkpointer::PassedOver {
  std::vector<std::filesystem::path> of_bad_steps;
  std::vector<std::filesystem::path> damaged;
  std::vector<std::string> reasons;  ///< of the damaged ones
};

bool Checkpointer::read_newest_on_root(const std::vector<std::filesystem::path>& candidates,
                                       const LoadRequest& request) {
  PassedOver passed;
  const auto read_first = [&](const auto& paths, const LoadRequest& wanted) {
    return std::any_of(paths.begin(), paths.end(),
                       [&](const auto& path) { return read_on_root(path, wanted, passed); });
  };
  LoadRequest any = request;
  any.before_bad_steps = false;
  if (!read_first(candidates, request) && !read_first(passed.of_bad_steps, any)) {
    if (passed.reasons.empty()) return false;
    throw InputError(concat("no checkpoint can be used:\n  ", join(passed.reasons, "\n  "),
                            "\nstart anew with --resume never (nothing is deleted)"));
  }
  // Only when another one is good: a run without any must not start anew by itself.
  for (const auto& path : passed.damaged) set_aside_on_root(path);
  return true;
}

/// True when the candidate was taken; otherwise nothing was overwritten.
bool Checkpointer::read_on_root(const std::filesystem::path& candidate, const LoadRequest& request,
                                PassedOver& passed) {
  std::vector<std::string> differences;
  try {
    const CheckpointReader reader(candidate, job_.kind());
    differences = identity_differences(reader.identity(), identity_);
    if (!differences.empty() && !request.force) {
      throw ConfigError(
          concat("the configuration disagrees with ", candidate.string(), ":\n  ",
                 join(differences, "\n  "),
                 "\nrestore these values, start anew in another --run-dir, or take the "
                 "checkpoint as it is with --force-resume"));
    }
    if (request.before_bad_steps && reader.bad_steps() > 0) {
      passed.of_bad_steps.push_back(candidate);
      return false;
    }
    slot_states_ = read_state(reader, [this] { return job_.state(); });
    loaded_ = reader.identity();
  } catch (const InputError& error) {
    if (!differences.empty()) {
      // The file may be sound: it is the configuration that was changed.
      throw ConfigError(concat("--force-resume cannot take this checkpoint: ", error.what(),
                               "; the configuration disagrees with it:\n  ",
                               join(differences, "\n  ")));
    }
    if (request.path && candidate == *request.path) throw;
    if (!request.path) passed.damaged.push_back(candidate);  // another run's files stay as they are
    passed.reasons.emplace_back(error.what());
    log_.warn(concat("cannot resume from a checkpoint: ", error.what(), "; trying the one before"));
    return false;
  }
  for (const auto& difference : differences) log_.warn("--force-resume: " + difference);
  if (request.path) log_.info("resuming from " + candidate.string());
  return true;
}

void Checkpointer::set_aside_on_root(const std::filesystem::path& damaged) const {
  try {
    directory_.set_aside_bad(damaged);
  } catch (const SystemError& error) {
    log_.warn(concat("a damaged checkpoint keeps its name: ", error.what()));
  }
}

void Checkpointer::broadcast_loaded() {
  broadcast_replicas(world_, [this] { return job_.state(); });
  const State state = job_.state();
  if (const auto* slots = state.slots()) {
    scatter_slot_states(world_, slots->num_slots, slot_states_, slots->shape, *slots->own);
  }
  compare_replicas(world_, state.replicated(), job_.position().step);
  // Only what other jobs spent: a reload in the middle of this one takes no time back.
  if (last_step_ < 0) identity_.wall_seconds = world_.broadcast_value(loaded_.wall_seconds);
  if (world_.is_root()) {
    for (auto it = loaded_.jobs.rbegin(); it != loaded_.jobs.rend(); ++it) {
      if (std::find(identity_.jobs.begin(), identity_.jobs.end(), *it) == identity_.jobs.end()) {
        identity_.jobs.insert(identity_.jobs.begin(), *it);
      }
    }
  }
  job_.rows().clear();
  last_step_ = job_.position().step;
  log_begin_ = last_step_;
  since_save_.restart();
}

}  // namespace enas::run
