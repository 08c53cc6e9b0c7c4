// SPDX-License-Identifier: Apache-2.0
#include "search/checkpointer.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "comm/slot_tree.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "search/loaded_state.hpp"

namespace enas::search {

namespace {

template <typename T>
void broadcast_vector(comm::World& world, std::vector<T>& values) {
  values.resize(world.broadcast_value(values.size()));
  world.broadcast(std::as_writable_bytes(std::span(values)));
}

}  // namespace

Checkpointer::Checkpointer(comm::World& world, Log& log, const RunDirectory& directory,
                           ReplicaGuard& guard, const Settings& settings, RunIdentity identity,
                           SearchParts parts)
    : world_(world),
      log_(log),
      directory_(directory),
      guard_(guard),
      settings_(settings),
      identity_(std::move(identity)),
      parts_(parts),
      slot_shape_(parts.supernet.initial_state(settings.weights.batch_size).sizes().vec()) {}

CheckpointView Checkpointer::view(std::vector<float>& slot_state) {
  SearchState& state = parts_.state;
  std::vector<std::int64_t> shape = {settings_.weights.slots};
  shape.insert(shape.end(), slot_shape_.begin(), slot_shape_.end());
  return {arrays_of(parts_.supernet),
          parts_.optimizer.state(),
          parts_.strategy.state(),
          state.progress,
          state.best,
          state.children,
          slot_state,
          std::move(shape)};
}

bool Checkpointer::state_is_finite() {
  std::vector<NamedArray> arrays = arrays_of(parts_.supernet);
  for (auto& array : parts_.optimizer.state()) arrays.push_back(std::move(array));
  for (auto& array : parts_.strategy.state()) arrays.push_back(std::move(array));
  return std::all_of(arrays.begin(), arrays.end(), all_finite);
}

bool Checkpointer::save() {
  guard_.check_all(parts_.state.progress.step);
  const std::vector<float> slot_state = gather_slot_state();
  world_.note_progress("checkpoint", parts_.state.progress.step);
  bool written = true;
  std::string failure;
  if (world_.is_root()) {
    try {
      write_on_root(slot_state);
    } catch (const SystemError& error) {
      written = false;
      failure = error.what();
      discard_on_root();
    }
  }
  written = world_.broadcast_value(written);
  since_save_.restart();
  if (written) {
    failures_ = 0;
    last_step_ = parts_.state.progress.step;
    log_begin_ = last_step_;
    return true;
  }
  ++failures_;
  const std::string before =
      last_step_ < 0 ? "there is none yet" : concat("the one of step ", last_step_, " stays");
  log_.warn(concat("checkpoint at step ", parts_.state.progress.step, " was not written (", failure,
                   "); ", before, "; failure ", failures_, " of ",
                   settings_.checkpoint.max_failures, " allowed (checkpoint.max_failures)"));
  if (failures_ >= settings_.checkpoint.max_failures) {
    throw ConfigError(
        concat("no checkpoint could be written ", failures_, " times in a row; free space in ",
               directory_.root().string(), " or raise checkpoint.max_failures"),
        ExitCode::io_error);
  }
  return false;
}

void Checkpointer::write_on_root(const std::vector<float>& slot_state) {
  const std::int64_t step = parts_.state.progress.step;
  const Stopwatch watch;
  if (step > log_begin_) {
    const auto part = parts_.run_log.image(log_begin_, step, identity_.config);
    io::write_sealed(directory_.log_part_path(log_begin_, step), part);
  }
  const double bytes = write_checkpoint_on_root(slot_state);
  directory_.write_latest(step);
  directory_.prune(settings_.checkpoint.keep);
  parts_.run_log.clear();
  log_.info(concat("checkpoint at step ", step, ": ", human_bytes(bytes), " in ",
                   human_duration(watch.seconds())));
}

/// A part without its checkpoint would be written a second time, with more rows; a checkpoint
/// without its part would leave a gap in the log of a run that resumes from it.
void Checkpointer::discard_on_root() const {
  const std::int64_t step = parts_.state.progress.step;
  if (step == last_step_) return;
  std::error_code ignored;
  std::filesystem::remove(directory_.checkpoint_path(step), ignored);
  std::filesystem::remove(directory_.log_part_path(log_begin_, step), ignored);
}

double Checkpointer::write_checkpoint_on_root(const std::vector<float>& slot_state) {
  RunIdentity identity = identity_;
  identity.wall_seconds = wall_seconds();
  std::vector<float> copy = slot_state;
  const auto image = checkpoint_image(identity, view(copy));
  const double bytes = static_cast<double>(std::span<const std::byte>(image).size());
  if (io::free_bytes(directory_.root()) < 1.2 * bytes) {
    throw SystemError(concat("only ", human_bytes(io::free_bytes(directory_.root())), " free for ",
                             human_bytes(bytes)));
  }
  const auto path = directory_.checkpoint_path(parts_.state.progress.step);
  io::write_sealed(path, image);
  if (settings_.checkpoint.verify_after_write) {
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
  std::vector<float> slot_state;
  bool found = false;
  ExitCode code = ExitCode::success;
  std::string failure;
  if (world_.is_root()) {
    try {
      const auto candidates =
          request.path ? std::vector<CheckpointFile>{{0, *request.path}} : directory_.checkpoints();
      found = read_newest_on_root(candidates, request, slot_state);
    } catch (const Error& error) {
      code = error.code();
      failure = error.what();
    }
  }
  if (const auto shared = world_.share_failure(code, failure)) {
    throw ConfigError(shared.message, shared.code);
  }
  found = world_.broadcast_value(found);
  if (found) broadcast_loaded(slot_state);
  return found;
}

bool Checkpointer::read_newest_on_root(const std::vector<CheckpointFile>& candidates,
                                       const LoadRequest& request, std::vector<float>& slot_state) {
  std::int64_t size = settings_.weights.slots;
  for (const auto extent : slot_shape_) size *= extent;
  std::vector<std::string> reasons;
  std::vector<std::filesystem::path> bad;
  for (const auto& candidate : candidates) {
    std::vector<std::string> differences;
    try {
      const CheckpointReader reader(candidate.path);
      differences = identity_differences(reader.identity(), identity_);
      if (!differences.empty() && !request.force) {
        throw ConfigError(
            concat("the configuration disagrees with ", candidate.path.string(), ":\n  ",
                   join(differences, "\n  "),
                   "\nrestore these values, start anew in another --run-dir, or take the "
                   "checkpoint as it is with --force-resume"));
      }
      slot_state.assign(static_cast<std::size_t>(size), 0.0F);
      auto target = view(slot_state);
      reader.read(target);
      try {
        check_loaded(target, parts_.space, settings_, parts_.task);
      } catch (const InputError& error) {
        throw InputError(concat(candidate.path.string(), ": ", error.what()));
      }
      if (request.before_bad_steps && target.progress.bad_steps > 0) continue;
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

void Checkpointer::broadcast_loaded(const std::vector<float>& slot_state) {
  SearchState& state = parts_.state;
  for (const auto& array : arrays_of(parts_.supernet)) world_.broadcast(array.bytes());
  for (const auto& array : parts_.optimizer.state()) world_.broadcast(array.bytes());
  broadcast_state(world_, parts_.strategy);
  state.progress = world_.broadcast_value(state.progress);
  state.best.metric = world_.broadcast_value(state.best.metric);
  state.best.step = world_.broadcast_value(state.best.step);
  broadcast_vector(world_, state.best.tokens);
  state.children.rows = world_.broadcast_value(state.children.rows);
  state.children.steps = world_.broadcast_value(state.children.steps);
  state.children.num_tokens = world_.broadcast_value(state.children.num_tokens);
  broadcast_vector(world_, state.children.tokens);
  scatter_slot_state(slot_state);
  // Only what other jobs spent: a reload in the middle of this one takes no time back.
  if (last_step_ < 0) identity_.wall_seconds = world_.broadcast_value(loaded_.wall_seconds);
  if (world_.is_root()) {
    for (auto it = loaded_.jobs.rbegin(); it != loaded_.jobs.rend(); ++it) {
      if (std::find(identity_.jobs.begin(), identity_.jobs.end(), *it) == identity_.jobs.end()) {
        identity_.jobs.insert(identity_.jobs.begin(), *it);
      }
    }
  }
  parts_.run_log.clear();
  last_step_ = state.progress.step;
  log_begin_ = last_step_;
  since_save_.restart();
  guard_.check_all(state.progress.step);
}

std::vector<float> Checkpointer::gather_slot_state() {
  std::vector<float> own;
  for (const auto& state : parts_.state.slot_state) {
    const auto flat = state.contiguous();
    own.insert(own.end(), flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  }
  std::vector<float> all;
  for (const auto& piece : world_.gather_varied(std::as_bytes(std::span(own)))) {
    const std::size_t old = all.size();
    all.resize(old + piece.size() / sizeof(float));
    std::memcpy(all.data() + old, piece.data(), piece.size());
  }
  return all;
}

void Checkpointer::scatter_slot_state(const std::vector<float>& all) {
  std::int64_t size = 1;
  for (const auto extent : slot_shape_) size *= extent;
  std::vector<std::vector<std::byte>> pieces;
  for (int rank = 0; world_.is_root() && rank < world_.size(); ++rank) {
    const auto block = comm::block_of(rank, world_.size(), settings_.weights.slots);
    const auto values =
        std::as_bytes(std::span(all).subspan(static_cast<std::size_t>(block.begin * size),
                                             static_cast<std::size_t>(block.size() * size)));
    pieces.emplace_back(values.begin(), values.end());
  }
  const auto mine = world_.scatter_varied(pieces);
  auto& states = parts_.state.slot_state;
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i] = at::empty(slot_shape_);
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
    std::memcpy(states[i].data_ptr<float>(), mine.data() + i * bytes, bytes);
  }
}

}  // namespace enas::search
