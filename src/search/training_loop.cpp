// SPDX-License-Identifier: Apache-2.0
#include "search/training_loop.hpp"

#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "core/json.hpp"
#include "core/text.hpp"
#include "search/networks.hpp"
#include "search/rollback.hpp"
#include "search/run_start.hpp"
#include "search/slot_states.hpp"
#include "search/split_score.hpp"

namespace enas::search {

namespace {

/// Tensors of the same names and shapes, zero.
std::vector<nn::Weight> room_for(const std::vector<nn::Weight>& tensors) {
  std::vector<nn::Weight> room;
  for (const auto& tensor : tensors) {
    room.push_back({tensor.name, at::zeros_like(tensor.value), tensor.decays});
  }
  return room;
}

void copy(const std::vector<nn::Weight>& from, std::vector<nn::Weight>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i].value.copy_(from[i].value);
}

std::int64_t total_steps(const Task& task, int epochs) {
  std::int64_t steps = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) steps += task.steps_in_pass(epoch);
  return steps;
}

}  // namespace

TrainingLoop::TrainingLoop(const TrainingWorld& parts)
    : parts_(parts),
      options_(parts.settings.train),
      faults_(fault_of_environment(), parts.world.rank()),
      optimizer_(parts.network.weights(), options_.step),
      average_(parts.network.weights()),
      trigger_(static_cast<std::size_t>(options_.averaging_patience)),
      best_{room_for(parts.network.weights()), room_for(parts.network.averages())},
      log_(parts.task.metric()),
      stragglers_(parts.settings.reliability, options_.step.slots, gather_nodes(parts.world)),
      training_step_(parts.world, parts.reducer, parts.network, optimizer_, parts.task,
                     options_.step, parts.settings.run.seed,
                     total_steps(parts.task, options_.epochs), faults_),
      content_(parts.world, {parts.network, optimizer_, average_, trigger_, best_, state_, log_,
                             space::architecture_text(parts.architecture), parts.task,
                             options_.epochs, options_.step.slots, options_.step.batch_size}),
      checkpointer_(parts.world, parts.log, parts.directory, parts.settings.checkpoint,
                    parts.identity, content_),
      stop_control_(parts.world.is_root(), parts.directory.root(), parts.limits,
                    parts.settings.checkpoint.every_minutes * 60.0) {}

ExitCode TrainingLoop::run() {
  try {
    return train();
  } catch (const Error& error) {
    status("failed", concat(error.what(), " (exit ", static_cast<int>(error.code()), ")"));
    throw;
  }
}

ExitCode TrainingLoop::train() {
  start_or_resume();
  while (true) {
    try {
      if (done()) {
        save_last();
        return end();
      }
      faults_.strike(state_.progress.step);
      step();
      finish_step();
    } catch (const ReplicasDiffer& difference) {
      recover(difference);
    } catch (const NotFinite&) {
      roll_back();
    }
  }
}

bool TrainingLoop::done() const {
  const bool at_limit =
      parts_.limits.max_steps > 0 && state_.progress.step >= parts_.limits.max_steps;
  return stopped_ || at_limit || state_.progress.epoch >= options_.epochs;
}

void TrainingLoop::start_or_resume() {
  reset_slot_states();
  const RunLimits& limits = parts_.limits;
  bool loaded = false;
  if (limits.resume == ResumeMode::path) {
    loaded = checkpointer_.load({limits.resume_path, limits.force_resume, false});
  } else if (limits.resume == ResumeMode::automatic) {
    loaded = checkpointer_.load({std::nullopt, limits.force_resume, false});
  }
  report_start(loaded);
  if (parts_.world.is_root()) {
    // Not before: a refused resume leaves the files of the run as they are.
    parts_.directory.write_text("config.toml", parts_.identity.config.toml);
    parts_.directory.write_text("architecture.json", space::architecture_text(parts_.architecture));
    const int retired = parts_.directory.retire_after(loaded ? state_.progress.step : -1);
    if (retired > 0) parts_.log.info(concat(retired, " later files were renamed *.stale"));
    // test.json scored older weights; set it aside unless training is finished.
    if (!done()) parts_.directory.set_aside_stale("test.json");
  }
  parts_.world.barrier();
  if (!loaded || limits.resume == ResumeMode::path) checkpointer_.save();
}

void TrainingLoop::report_start(bool resumed) {
  if (resumed && parts_.world.is_root()) {
    report_resume(parts_.log, state_.progress.step, checkpointer_.loaded(),
                  checkpointer_.identity());
  } else if (!resumed) {
    std::int64_t parameters = 0;
    for (const auto& weight : parts_.network.weights()) parameters += weight.value.numel();
    parts_.log.info(concat("new training in ", parts_.directory.root().string(), ", seed ",
                           parts_.settings.run.seed, "; ", parameters, " parameters"));
  }
  status("training", "");
  since_epoch_.restart();
}

void TrainingLoop::step() {
  TrainingProgress& progress = state_.progress;
  if (progress.index == 0) reset_slot_states();
  parts_.world.note_progress("training step", progress.step);
  const auto report = training_step_.run(
      state_,
      stop_control_.wishes(checkpointer_.seconds_since_save(), checkpointer_.save_cost_s()));
  flags_ = report.flags;
  lr_ = report.lr;
  if (trigger_.has_triggered() && report.moved()) average_.add();
  const std::int64_t steps = parts_.task.steps_in_pass(progress.epoch);
  parts_.log.progress(concat("step ", progress.step + 1, "  epoch ", progress.epoch + 1, "/",
                             options_.epochs, "  ", progress.index + 1, "/", steps, "  loss ",
                             fixed(report.loss, 3), "  ", fixed(report.examples_per_s, 0), " ",
                             parts_.task.metric().example(), "s/s"));
  if (parts_.world.is_root()) {
    log_.add_step(progress, report);
    if (const auto slow = stragglers_.note(report.slots); !slow.empty()) parts_.log.warn(slow);
  }
  const auto warn = [&](const std::string& text) {
    parts_.log.warn(concat("step ", progress.step, ": ", text));
    if (parts_.world.is_root()) log_.add_event(progress.step, "not_finite", text);
  };
  if (report.num_finite < options_.step.slots) {
    warn(concat(options_.step.slots - report.num_finite,
                " slot(s) had no finite gradient and were left out"));
  }
  if (report.sum_overflowed) warn(overflow_text(report.num_finite));
  if (report.moved()) {
    progress.loss_sum += report.loss * report.num_finite;
    progress.accuracy_sum += report.accuracy * report.num_finite;
    progress.num_finite += report.num_finite;
  }
  progress.bad_steps = report.moved() ? 0 : progress.bad_steps + 1;
  ++progress.step;
  ++progress.index;
  epoch_ended_ = progress.index == steps;
}

void TrainingLoop::inject_flips(const FaultMoment& moment) {
  if (!faults_.is_armed()) return;
  faults_.flip(moment, {{"flip_weight", arrays_of(parts_.network.weights())},
                        {"flip_momentum", optimizer_.state()},
                        {"flip_carried", carried_arrays(state_.slot_state)},
                        {"flip_average", arrays_of(parts_.network.averages())},
                        {"flip_mean", arrays_of(average_.values())},
                        {"flip_best", arrays_of(best_.weights)}});
}

void TrainingLoop::finish_step() {
  const TrainingProgress& progress = state_.progress;
  const std::int64_t every = parts_.settings.checkpoint.every_steps;
  if ((flags_ & kFlagStop) != 0) stopped_ = true;
  const bool ends = stopped_ || progress.step == parts_.limits.max_steps;
  const bool due = epoch_ended_ || (progress.bad_steps == 0 &&
                                    (flags_ != 0 || (every > 0 && progress.step % every == 0)));
  const bool saves = (ends || due) && progress.step != checkpointer_.last_step();
  inject_flips({progress.step - 1, epoch_ended_, saves, ends});
  if (progress.bad_steps >= parts_.settings.reliability.max_bad_steps) return roll_back();
  if (progress.step % parts_.settings.reliability.digest_every == 0) content_.check(progress.step);
  if (epoch_ended_) finish_epoch();
  if (!saves) return;
  checkpointer_.save();
  status("training", "");
}

nn::Score TrainingLoop::validate() {
  parts_.world.note_progress("validation", state_.progress.step);
  return split_score(parts_.world, parts_.task, NetworkScorer(parts_.network),
                     validation_cut(options_));
}

void TrainingLoop::finish_epoch() {
  epoch_ended_ = false;
  TrainingProgress& progress = state_.progress;
  const Metric& metric = parts_.task.metric();
  EpochReport report;
  report.is_averaged = average_.count() > 0;
  average_.exchange();
  const nn::Score score = validate();
  keep_best(score);
  average_.exchange();
  report.validation_loss = score.loss();
  report.validation_metric = metric.of(score.loss(), score.accuracy());
  const auto finite = static_cast<double>(progress.num_finite);
  report.train_loss = progress.loss_sum / finite;
  report.train_metric = metric.of(report.train_loss, progress.accuracy_sum / finite);
  report.lr = lr_;
  report.seconds = since_epoch_.restart();
  if (options_.averaging == Averaging::triggered && trigger_.check(score.loss())) {
    parts_.log.info(concat("validation has not improved: weights are averaged from step ",
                           progress.step, " on"));
    if (parts_.world.is_root()) log_.add_event(progress.step, "averaging", "begins");
  }
  if (parts_.world.is_root()) log_.add_epoch(progress, report);
  parts_.log.info(
      concat("epoch ", progress.epoch + 1, "/", options_.epochs, " done at step ", progress.step,
             ": training ", metric.name(), " ", metric.text(report.train_metric), ", validation ",
             metric.text(report.validation_metric), report.is_averaged ? " (averaged weights)" : "",
             ", best ", metric.text(progress.best_metric), " in epoch ", progress.best_epoch + 1,
             "; lr ", fixed(lr_, 5), "; ", human_duration(report.seconds)));
  ++progress.epoch;
  progress.index = 0;
  progress.loss_sum = 0.0;
  progress.accuracy_sum = 0.0;
  progress.num_finite = 0;
}

/// The weights as they were scored.
void TrainingLoop::keep_best(const nn::Score& score) {
  TrainingProgress& progress = state_.progress;
  const Metric& metric = parts_.task.metric();
  const double value = metric.of(score.loss(), score.accuracy());
  if (!std::isfinite(value)) return;
  if (progress.best_epoch >= 0 && !metric.better(value, progress.best_metric)) return;
  progress.best_epoch = progress.epoch;
  progress.best_loss = score.loss();
  progress.best_metric = value;
  copy(parts_.network.weights(), best_.weights);
  copy(parts_.network.averages(), best_.averages);
}

/// Too many steps without a finite slot, or weights that are not finite: back to the last good
/// checkpoint with half the learning rate.
void TrainingLoop::roll_back() {
  const TrainingProgress before = state_.progress;
  const std::string what = divergence("train", before.step, before.bad_steps, before.rollbacks,
                                      parts_.settings.reliability.max_rollbacks);
  reload(true);
  state_.progress.rollbacks = before.rollbacks + 1;
  state_.progress.lr_factor = before.lr_factor / 2.0;
  state_.progress.bad_steps = 0;
  const std::string text = concat(what, ": went back to step ", state_.progress.step,
                                  " with the learning rate times ", state_.progress.lr_factor);
  parts_.log.warn(text);
  if (parts_.world.is_root()) log_.add_event(state_.progress.step, "rollback", text);
}

/// Replicas differ: reload and replay, which is exact. Twice before passing the same step is the
/// end.
void TrainingLoop::recover(const ReplicasDiffer& difference) {
  const std::int64_t step = state_.progress.step;
  if (detected_at_ >= 0 && step <= detected_at_) {
    throw Error(ExitCode::replicas_differ,
                concat(difference.what(), ", again after a reload (first at step ", detected_at_,
                       "); check the memory of that rank's node"));
  }
  detected_at_ = step;
  reload(false);
  parts_.log.warn(concat(difference.what(), "; reloaded step ", state_.progress.step,
                         " and replaying, nothing is lost"));
}

void TrainingLoop::reload(bool before_bad_steps) {
  if (!checkpointer_.load({std::nullopt, true, before_bad_steps})) {
    throw Error(ExitCode::io_error, "there is no checkpoint to go back to: none could be written");
  }
  if (parts_.world.is_root()) parts_.directory.retire_after(state_.progress.step);
  epoch_ended_ = false;
  flags_ = 0;
}

void TrainingLoop::reset_slot_states() {
  state_.slot_state.clear();
  for (int i = 0; i < training_step_.own_slots().size(); ++i) {
    state_.slot_state.push_back(parts_.network.initial_state(options_.step.batch_size));
  }
}

void TrainingLoop::status(const std::string& phase, const std::string& reason) {
  if (!parts_.world.is_root()) return;
  const TrainingProgress& progress = state_.progress;
  Json json = {{"phase", phase},
               {"reason", reason},
               {"step", progress.step},
               {"epoch", progress.epoch},
               {"epochs", options_.epochs},
               {"metric", parts_.task.metric().name()},
               {"best", number_or_null(progress.best_metric)},
               {"best_epoch", progress.best_epoch},
               {"ranks", parts_.world.size()},
               {"updated", utc_now()}};
  json.update(parts_.task.data_facts());
  try {
    parts_.directory.write_json("status.json", json);
  } catch (const SystemError& error) {
    parts_.log.warn(concat("status.json was not written: ", error.what()));
  }
}

void TrainingLoop::save_last() {
  if (checkpointer_.last_step() == state_.progress.step || checkpointer_.save()) return;
  throw ConfigError(concat("the last checkpoint could not be written; the training resumes from "
                           "step ",
                           checkpointer_.last_step()),
                    ExitCode::io_error);
}

ExitCode TrainingLoop::end() {
  const TrainingProgress& progress = state_.progress;
  const bool finished = progress.epoch >= options_.epochs;
  const std::string reason = finished   ? "finished"
                             : stopped_ ? stop_control_.reason()
                                        : "max_steps";
  parts_.log.info(concat(stopped_ && !finished ? "stopped with a checkpoint (" : "done (", reason,
                         ") at step ", progress.step, ", epoch ", progress.epoch, " of ",
                         options_.epochs, " after ", human_duration(checkpointer_.wall_seconds()),
                         " in all"));
  if (progress.best_epoch >= 0) {
    parts_.log.info(concat("best validation ", parts_.task.metric().name(), " ",
                           parts_.task.metric().text(progress.best_metric), " in epoch ",
                           progress.best_epoch + 1));
  }
  parts_.log.info(concat("files: ", parts_.directory.root().string()));
  status(finished ? "finished" : "stopped", reason);
  // In a pipeline the next stage must not begin after a stop.
  const bool more_to_do = !finished || !parts_.limits.pipeline.empty();
  return stopped_ && more_to_do ? ExitCode::checkpointed : ExitCode::success;
}

}  // namespace enas::search
