// SPDX-License-Identifier: Apache-2.0
#include "train/training_job.hpp"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "train/data_facts.hpp"
#include "train/networks.hpp"
#include "train/split_score.hpp"

namespace enas::train {

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

std::int64_t total_steps(const task::Task& task, int epochs) {
  std::int64_t steps = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) steps += task.steps_in_pass(epoch);
  return steps;
}

}  // namespace

TrainingJob::TrainingJob(const run::Context& context, const TrainingParts& parts)
    : world_(context.world),
      log_(context.log),
      directory_(context.directory),
      parts_(parts),
      options_(parts.options),
      architecture_(space::architecture_text(parts.architecture)),
      trained_(parts.network, context.options.seed, total_steps(parts.task, options_.epochs)),
      step_(context.world, parts.reducer, trained_, parts.task, options_.step, context.faults),
      average_(parts.network.weights()),
      trigger_(static_cast<std::size_t>(options_.averaging_patience)),
      best_{room_for(parts.network.weights()), room_for(parts.network.averages())},
      rows_(parts.task.metric(), architecture_),
      reporter_(context, options_, parts.task) {
  state_.slot_state = step_.initial_states();
}

run::State TrainingJob::state() {
  if (average_.count() != state_.progress.averaged_steps) {
    average_.restore(state_.progress.averaged_steps);
  }
  const auto slot = parts_.network.initial_state(options_.step.batch_size);
  auto state = checkpoint_state(
      state_,
      {run::arrays_of(parts_.network.weights()), run::arrays_of(parts_.network.averages()),
       step_.momentum(), run::arrays_of(average_.values()), run::arrays_of(best_.averages),
       run::arrays_of(best_.weights)},
      trigger_.state(), architecture_, options_.step.slots, slot.sizes().vec());
  state.check = [this] {
    check_progress();
    trigger_.validate();
  };
  return state;
}

/// What a changed configuration or file could break.
void TrainingJob::check_progress() const {
  const TrainingProgress& progress = state_.progress;
  const auto require = [&](bool holds, const char* name, auto value) {
    if (!holds) throw InputError(concat("/progress ", name, " is ", value));
  };
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  const auto require_count = [&](const char* name, std::int64_t value) {
    require(value >= 0 && value <= kMost, name, value);
  };
  require_count("step", progress.step);
  require_count("epoch", progress.epoch);
  require_count("bad_steps", progress.bad_steps);
  require_count("rollbacks", progress.rollbacks);
  require_count("num_finite", progress.num_finite);
  const bool goes_on = progress.epoch < options_.epochs;
  const std::int64_t steps = goes_on ? parts_.task.steps_in_pass(progress.epoch) : 1;
  require(progress.index >= 0 && progress.index < steps, "index", progress.index);
  require(progress.averaged_steps >= 0 && progress.averaged_steps <= progress.step,
          "averaged_steps", progress.averaged_steps);
  require(
      progress.best_epoch >= -1 && progress.best_epoch < std::max<std::int64_t>(progress.epoch, 1),
      "best_epoch", progress.best_epoch);
  require(progress.best_epoch < 0 || std::isfinite(progress.best_metric), "best_metric",
          progress.best_metric);
  require(std::isfinite(progress.loss_sum), "loss_sum", progress.loss_sum);
  require(std::isfinite(progress.accuracy_sum), "accuracy_sum", progress.accuracy_sum);
  require(progress.lr_factor > 0.0 && progress.lr_factor <= 1.0, "lr_factor", progress.lr_factor);
}

void TrainingJob::write_facts(io::ImageWriter& image) const {
  write_data_shape(image, parts_.task.data_shape());
  write_preprocessing(image, parts_.task.preprocessing());
}

void TrainingJob::started(bool is_resumed) {
  if (world_.is_root()) {
    directory_.write_text("architecture.json", architecture_);
    // test.json scored older weights; set it aside unless training is finished.
    if (!done()) directory_.set_aside_stale("test.json");
  }
  reporter_.started(is_resumed, state_.progress, parts_.network);
}

run::StepOutcome TrainingJob::advance(std::int64_t wishes) {
  TrainingProgress& progress = state_.progress;
  if (progress.index == 0) state_.slot_state = step_.initial_states();
  world_.note_progress("training step", progress.step);
  auto report = step_.run({progress.epoch, progress.index, progress.step}, progress.lr_factor,
                          state_.slot_state, wishes);
  lr_ = report.lr;
  if (trigger_.has_triggered() && report.moved()) average_.add();
  progress.averaged_steps = average_.count();
  reporter_.step(progress, report);
  if (world_.is_root()) rows_.add_step(progress, report);
  note_bad_slots(report);
  if (report.moved()) {
    progress.loss_sum += report.loss * report.num_finite;
    progress.accuracy_sum += report.accuracy * report.num_finite;
    progress.num_finite += report.num_finite;
  }
  const bool is_bad = !report.moved();
  progress.bad_steps = is_bad ? progress.bad_steps + 1 : 0;
  ++progress.step;
  ++progress.index;
  const bool ends_epoch = progress.index == parts_.task.steps_in_pass(progress.epoch);
  return {report.flags, std::move(report.touched), is_bad, ends_epoch, std::move(report.slots)};
}

void TrainingJob::note_bad_slots(const StepReport& report) {
  const auto warn = [&](const std::string& text) {
    log_.warn(concat("step ", state_.progress.step, ": ", text));
    if (world_.is_root()) rows_.add_event(state_.progress.step, "not_finite", text);
  };
  if (report.num_finite < options_.step.slots) {
    warn(concat(options_.step.slots - report.num_finite,
                " slot(s) had no finite gradient and were left out"));
  }
  if (report.sum_overflowed) warn(run::overflow_text(report.num_finite));
}

nn::Score TrainingJob::validate() {
  world_.note_progress("validation", state_.progress.step);
  return split_score(world_, parts_.task, NetworkScorer(parts_.network), validation_cut(options_));
}

void TrainingJob::end_stretch() {
  TrainingProgress& progress = state_.progress;
  const task::Metric& metric = parts_.task.metric();
  average_.exchange();
  const nn::Score score = validate();
  keep_best(score);
  average_.exchange();

  EpochReport report;
  report.is_averaged = average_.count() > 0;
  report.validation_loss = score.loss();
  report.validation_metric = metric.of(score.loss(), score.accuracy());
  const auto finite = static_cast<double>(progress.num_finite);
  report.train_loss = progress.loss_sum / finite;
  report.train_metric = metric.of(report.train_loss, progress.accuracy_sum / finite);
  report.lr = lr_;
  report.seconds = reporter_.end_epoch();
  if (options_.averaging == Averaging::triggered && trigger_.check(score.loss())) {
    log_.info(concat("validation has not improved: weights are averaged from step ", progress.step,
                     " on"));
    if (world_.is_root()) rows_.add_event(progress.step, "averaging", "begins");
  }
  if (world_.is_root()) rows_.add_epoch(progress, report);
  reporter_.epoch(progress, report);
  ++progress.epoch;
  progress.index = 0;
  progress.loss_sum = 0.0;
  progress.accuracy_sum = 0.0;
  progress.num_finite = 0;
}

/// The weights as they were scored.
void TrainingJob::keep_best(const nn::Score& score) {
  TrainingProgress& progress = state_.progress;
  const task::Metric& metric = parts_.task.metric();
  const double value = metric.of(score.loss(), score.accuracy());
  if (!std::isfinite(value)) return;
  if (progress.best_epoch >= 0 && !metric.better(value, progress.best_metric)) return;
  progress.best_epoch = progress.epoch;
  progress.best_loss = score.loss();
  progress.best_metric = value;
  copy(parts_.network.weights(), best_.weights);
  copy(parts_.network.averages(), best_.averages);
}

}  // namespace enas::train
