// SPDX-License-Identifier: Apache-2.0
#include "search/search_loop.hpp"

#include <cmath>

#include "core/text.hpp"
#include "search/rollback.hpp"
#include "search/slot_states.hpp"

namespace enas::search {

SearchLoop::SearchLoop(const SearchWorld& parts)
    : parts_(parts),
      faults_(fault_of_environment(), parts.world.rank()),
      run_log_(parts.space, parts.task.metric()),
      optimizer_(parts.supernet.weights(), parts.settings.weights),
      stragglers_(parts.settings.reliability, parts.settings.weights.slots,
                  gather_nodes(parts.world)),
      guard_(parts.world, optimizer_, parts.supernet.weights().size(), parts.strategy),
      content_(
          parts.world, guard_, parts.settings,
          {parts.supernet, optimizer_, parts.strategy, state_, run_log_, parts.space, parts.task}),
      checkpointer_(parts.world, parts.log, parts.directory, parts.settings.checkpoint,
                    parts.identity, content_),
      weight_step_(parts.world, parts.reducer, parts.supernet, optimizer_, parts.task,
                   parts.settings, faults_),
      controller_step_(parts.world, parts.supernet, parts.strategy, parts.task, parts.settings),
      stop_control_(parts.world.is_root(), parts.directory.root(), parts.limits,
                    parts.settings.checkpoint.every_minutes * 60.0),
      reporter_(parts.world, parts.log, parts.directory, parts.settings, parts.space, parts.task) {}

ExitCode SearchLoop::run() {
  try {
    return search();
  } catch (const Error& error) {
    reporter_.failed(state_, error);
    throw;
  }
}

ExitCode SearchLoop::search() {
  start_or_resume();
  while (true) {
    try {
      if (done()) {
        save_last();
        return end();
      }
      faults_.strike(state_.progress.step);
      if (state_.progress.in_weight_phase()) {
        weight_step();
      } else {
        controller_step();
      }
      finish_step();
    } catch (const ReplicasDiffer& difference) {
      recover(difference);
    } catch (const NotFinite&) {
      roll_back();
    }
  }
}

bool SearchLoop::done() const {
  const bool at_limit =
      parts_.limits.max_steps > 0 && state_.progress.step >= parts_.limits.max_steps;
  return stopped_ || at_limit || state_.progress.round >= parts_.settings.rounds;
}

void SearchLoop::start_or_resume() {
  reset_slot_states();
  state_.progress.phase = first_phase();
  const RunLimits& limits = parts_.limits;
  bool loaded = false;
  if (limits.resume == ResumeMode::path) {
    loaded = checkpointer_.load({limits.resume_path, limits.force_resume, false});
  } else if (limits.resume == ResumeMode::automatic) {
    loaded = checkpointer_.load({std::nullopt, limits.force_resume, false});
  }
  reporter_.started(loaded ? &checkpointer_.loaded() : nullptr, checkpointer_.identity(), state_);
  if (parts_.world.is_root()) {
    // Not before: a refused resume leaves the file of the run as it is.
    parts_.directory.write_text("config.toml", parts_.identity.config.toml);
    const int retired = parts_.directory.retire_after(loaded ? state_.progress.step : -1);
    if (retired > 0) parts_.log.info(concat(retired, " later files were renamed *.stale"));
  }
  parts_.world.barrier();
  if (!loaded || limits.resume == ResumeMode::path) checkpointer_.save();
}

void SearchLoop::weight_step() {
  if (state_.progress.index == 0) begin_weight_phase();
  parts_.world.note_progress("weight step", state_.progress.step);
  const auto report = weight_step_.run(
      state_,
      stop_control_.wishes(checkpointer_.seconds_since_save(), checkpointer_.save_cost_s()));
  flags_ = report.flags;
  touched_ = report.touched;
  guard_.note_touched(touched_);
  reporter_.weight_step(state_.progress, report, steps_in_phase());
  if (parts_.world.is_root()) {
    reporter_.log_weight_step(run_log_, state_.progress, report,
                              digest_of(parts_.strategy.state()));
    if (const auto slow = stragglers_.note(report.slots); !slow.empty()) parts_.log.warn(slow);
  }
  Progress& progress = state_.progress;
  progress.bad_steps = report.moved() ? 0 : progress.bad_steps + 1;
  ++progress.step;
  ++progress.index;
  if (progress.index == steps_in_phase()) end_phase();
}

void SearchLoop::inject_flips(const FaultMoment& moment) {
  if (!faults_.is_armed()) return;
  std::vector<NamedArray> weight;
  std::vector<NamedArray> momentum;
  if (!touched_.empty()) {
    const auto moved = optimizer_.arrays_of_weight(touched_.front());
    weight.push_back(moved.front());
    if (moved.size() > 1) momentum.push_back(moved.back());
  }
  std::vector<NamedArray> idle;
  int number = 0;
  for (const int weight_number : touched_) number += weight_number == number ? 1 : 0;  // ascending
  if (number < static_cast<int>(parts_.supernet.weights().size())) {
    idle = optimizer_.arrays_of_weight(number);
  }
  const auto strategy = parts_.strategy.state();
  const auto named = [&](std::string_view name) {
    std::vector<NamedArray> found;
    for (const auto& array : strategy) {
      if (array.name.starts_with(name)) found.push_back(array);
    }
    return found;
  };
  faults_.flip(moment, {{"flip_weight", weight},
                        {"flip_idle", idle},
                        {"flip_momentum", momentum},
                        {"flip_carried", carried_arrays(state_.slot_state)},
                        {"flip_strategy", strategy},
                        {"flip_moment", named("first_moment/")},
                        {"flip_baseline", named("baseline")}});
}

void SearchLoop::controller_step() {
  parts_.world.note_progress("controller step", state_.progress.step);
  const auto report = controller_step_.run(
      state_.progress,
      stop_control_.wishes(checkpointer_.seconds_since_save(), checkpointer_.save_cost_s()));
  flags_ = report.flags;
  reporter_.controller_step(state_.progress, report);
  if (parts_.world.is_root()) {
    run_log_.add_controller_step(state_.progress, report, report.strategy_digest);
  }
  ++state_.progress.step;
  ++state_.progress.index;
  if (state_.progress.index == parts_.settings.rollout.steps) end_phase();
}

/// Samples the children of the whole phase: each rank those of its slots, an all-gather makes them
/// known.
void SearchLoop::begin_weight_phase() {
  guard_.check_strategy(state_.progress.step);
  reset_slot_states();
  const std::int64_t steps = steps_in_phase();
  const bool shared = parts_.settings.weights.children == Children::shared;
  const comm::Block own = weight_step_.own_slots();
  std::vector<std::int32_t> mine;
  for (int slot = own.begin; slot < own.end; ++slot) {
    if (shared && slot > 0) continue;
    const Address address{Purpose::children, static_cast<std::uint64_t>(slot),
                          static_cast<std::uint64_t>(state_.progress.step)};
    for (const auto& child : parts_.strategy.propose(steps, address)) {
      mine.insert(mine.end(), child.tokens.begin(), child.tokens.end());
    }
  }
  PhaseChildren& children = state_.children;
  children = {shared ? 1 : parts_.settings.weights.slots, steps, parts_.space.num_tokens(), {}};
  for (const auto& piece : parts_.world.all_gather_varied(std::as_bytes(std::span(mine)))) {
    const auto* tokens = reinterpret_cast<const std::int32_t*>(piece.data());
    children.tokens.insert(children.tokens.end(), tokens,
                           tokens + piece.size() / sizeof(std::int32_t));
  }
}

void SearchLoop::end_phase() {
  Progress& progress = state_.progress;
  const bool weights_ended = progress.in_weight_phase();
  progress.index = 0;
  if (weights_ended) {
    state_.children = {};
    progress.phase = static_cast<std::int64_t>(Phase::controller);
    if (parts_.settings.rollout.steps > 0) return;
  }
  progress.phase = first_phase();
  round_ended_ = true;
}

void SearchLoop::finish_step() {
  const Progress& progress = state_.progress;
  const std::int64_t every = parts_.settings.checkpoint.every_steps;
  if ((flags_ & kFlagStop) != 0) stopped_ = true;
  const bool ends = stopped_ || progress.step == parts_.limits.max_steps;
  // In a stretch of bad steps only a stop is worth a checkpoint: a rollback wants one from before.
  const bool in_bad_stretch =
      progress.bad_steps > 0 && progress.in_weight_phase() && progress.index > 0;
  const bool due = round_ended_ ||
                   (!in_bad_stretch && (flags_ != 0 || (every > 0 && progress.step % every == 0)));
  const bool saves = (ends || due) && progress.step != checkpointer_.last_step();
  inject_flips({progress.step - 1, round_ended_, saves, ends});
  if (progress.step % parts_.settings.reliability.digest_every == 0) {
    guard_.check_touched(progress.step);
  }
  if (progress.bad_steps >= parts_.settings.reliability.max_bad_steps) return roll_back();
  if (round_ended_) finish_round();
  if (!saves) return;
  checkpointer_.save();
  reporter_.checkpoint(state_);
}

void SearchLoop::finish_round() {
  round_ended_ = false;
  guard_.check_strategy(state_.progress.step);
  const auto report = validate(parts_.world, parts_.supernet, parts_.strategy, parts_.space,
                               parts_.task, parts_.settings, state_.progress.step);
  const bool first = state_.best.tokens.empty();
  if (report.best >= 0 &&
      (first || parts_.task.metric().better(report.best_metric, state_.best.metric))) {
    state_.best = {report.best_metric, state_.progress.step,
                   report.children[static_cast<std::size_t>(report.best)].architecture.tokens};
  }
  state_.progress.mean_metric = report.mean_metric;
  reporter_.round(state_, report, run_log_, digest_of(parts_.strategy.state()));
  ++state_.progress.round;
}

/// Too many steps without a finite slot, or weights that are not finite: back to the last good
/// checkpoint with half the learning rate.
void SearchLoop::roll_back() {
  const Progress before = state_.progress;
  const std::string what = divergence("weights", before.step, before.bad_steps, before.rollbacks,
                                      parts_.settings.reliability.max_rollbacks);
  reload(true);
  state_.progress.rollbacks = before.rollbacks + 1;
  state_.progress.lr_factor = before.lr_factor / 2.0;
  state_.progress.bad_steps = 0;
  const std::string text = concat(what, ": went back to step ", state_.progress.step,
                                  " with the learning rate times ", state_.progress.lr_factor);
  parts_.log.warn(text);
  if (parts_.world.is_root()) run_log_.add_event(state_.progress.step, "rollback", text);
}

/// Replicas differ: reload and replay, which is exact. Twice before passing the same step is the
/// end.
void SearchLoop::recover(const ReplicasDiffer& difference) {
  const std::int64_t step = state_.progress.step;
  std::string what = difference.what();
  try {
    guard_.check_all(step);  // a step's own comparison cannot name the tensor
  } catch (const ReplicasDiffer& named) {
    what = named.what();
  }
  if (detected_at_ >= 0 && step <= detected_at_) {
    throw Error(ExitCode::replicas_differ,
                concat(what, ", again after a reload (first at step ", detected_at_,
                       "); check the memory of that rank's node"));
  }
  detected_at_ = step;
  reload(false);
  parts_.log.warn(
      concat(what, "; reloaded step ", state_.progress.step, " and replaying, nothing is lost"));
}

void SearchLoop::reload(bool before_bad_steps) {
  if (!checkpointer_.load({std::nullopt, true, before_bad_steps})) {
    throw Error(ExitCode::io_error, "there is no checkpoint to go back to: none could be written");
  }
  if (parts_.world.is_root()) parts_.directory.retire_after(state_.progress.step);
  round_ended_ = false;
  flags_ = 0;
  reporter_.best(state_);
}

void SearchLoop::save_last() {
  if (checkpointer_.last_step() == state_.progress.step || checkpointer_.save()) return;
  throw ConfigError(concat("the last checkpoint could not be written; the run resumes from step ",
                           checkpointer_.last_step()),
                    ExitCode::io_error);
}

ExitCode SearchLoop::end() {
  const bool finished = state_.progress.round >= parts_.settings.rounds;
  const std::string reason = finished   ? "finished"
                             : stopped_ ? stop_control_.reason()
                                        : "max_steps";
  reporter_.ended(state_, reason, checkpointer_.wall_seconds());
  // In a pipeline the next stage must not begin after a stop.
  const bool more_to_do = !finished || !parts_.limits.pipeline.empty();
  return stopped_ && more_to_do ? ExitCode::checkpointed : ExitCode::success;
}

/// Weight steps of the current round.
std::int64_t SearchLoop::steps_in_phase() const {
  return parts_.task.steps_in_pass(state_.progress.round);
}

/// A round begins with its weight phase, unless there is nothing to train.
std::int64_t SearchLoop::first_phase() const {
  return static_cast<std::int64_t>(steps_in_phase() > 0 ? Phase::weights : Phase::controller);
}

void SearchLoop::reset_slot_states() {
  state_.slot_state.clear();
  for (int i = 0; i < weight_step_.own_slots().size(); ++i) {
    state_.slot_state.push_back(parts_.supernet.initial_state(parts_.settings.weights.batch_size));
  }
}

}  // namespace enas::search
