// SPDX-License-Identifier: Apache-2.0
#include "search/search_job.hpp"

#include <span>
#include <utility>

#include "run/replicas.hpp"
#include "search/loaded_state.hpp"
#include "search/validation.hpp"

namespace enas::search {

SearchJob::SearchJob(const run::Context& context, const SearchParts& parts)
    : world_(context.world),
      parts_(parts),
      run_log_(parts.space, parts.evaluator.metric()),
      shared_(parts.evaluator.shared()),
      controller_step_(context.world, parts.evaluator, parts.strategy, parts.settings),
      reporter_(context.world, context.log, context.directory, parts.settings, parts.space,
                parts.evaluator) {
  if (shared_ != nullptr) {
    shared_weights_.emplace(shared_->supernet(), state_.children, parts.settings.run.seed);
    step_.emplace(context.world, parts.reducer, *shared_weights_, shared_->task(),
                  parts.settings.weights, context.faults);
    state_.slot_state = step_->initial_states();
  }
  state_.progress.phase = first_phase();
}

run::State SearchJob::state() {
  SearchArrays arrays;
  arrays.strategy = parts_.strategy.state();
  std::vector<std::int64_t> slot_shape = {0};
  if (shared_ != nullptr) {
    arrays.weights = run::arrays_of(shared_->supernet().weights());
    arrays.momentum = step_->momentum();
    slot_shape =
        shared_->supernet().initial_state(parts_.settings.weights.batch_size).sizes().vec();
  }
  auto state = checkpoint_state(state_, std::move(arrays), parts_.settings.weights.slots,
                                std::move(slot_shape));
  state.check = [this] { check_loaded(state_, parts_.space, parts_.settings, parts_.evaluator); };
  return state;
}

run::StepOutcome SearchJob::advance(std::int64_t wishes) {
  Progress& progress = state_.progress;
  auto outcome = progress.in_weight_phase() ? weight_step(wishes) : controller_step(wishes);
  ++progress.step;
  ++progress.index;
  if (progress.index == steps_in_phase()) outcome.ends_stretch = end_phase();
  return outcome;
}

run::StepOutcome SearchJob::weight_step(std::int64_t wishes) {
  Progress& progress = state_.progress;
  if (progress.index == 0) begin_weight_phase();
  world_.note_progress("weight step", progress.step);
  auto report = step_->run({progress.round, progress.index, progress.step}, progress.lr_factor,
                           state_.slot_state, wishes);
  reporter_.weight_step(progress, report, steps_in_phase());
  if (world_.is_root()) {
    const auto children =
        state_.children.at(parts_.space.id(), parts_.settings.weights.slots, progress.index);
    reporter_.log_weight_step(run_log_, progress, report, children,
                              run::digest_of(parts_.strategy.state()));
  }
  const bool is_bad = !report.moved();
  progress.bad_steps = is_bad ? progress.bad_steps + 1 : 0;
  return {report.flags, std::move(report.touched), is_bad, false, std::move(report.slots)};
}

run::StepOutcome SearchJob::controller_step(std::int64_t wishes) {
  world_.note_progress("controller step", state_.progress.step);
  const auto report = controller_step_.run(state_.progress, wishes);
  reporter_.controller_step(state_.progress, report);
  if (world_.is_root()) {
    run_log_.add_controller_step(state_.progress, report, report.strategy_digest);
  }
  run::StepOutcome outcome;
  outcome.flags = report.flags;
  return outcome;
}

/// Samples the children of the whole phase: each rank those of its slots, an all-gather makes them
/// known.
void SearchJob::begin_weight_phase() {
  run::compare_replicas(world_, parts_.strategy.state(), state_.progress.step);
  state_.slot_state = step_->initial_states();
  const std::int64_t steps = steps_in_phase();
  const bool shared = parts_.settings.weights.children == Children::shared;
  const comm::Block own = step_->own_slots();
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
  children = {{shared ? 1 : parts_.settings.weights.slots, steps, parts_.space.num_tokens()}, {}};
  for (const auto& piece : world_.all_gather_varied(std::as_bytes(std::span(mine)))) {
    const auto* tokens = reinterpret_cast<const std::int32_t*>(piece.data());
    children.tokens.insert(children.tokens.end(), tokens,
                           tokens + piece.size() / sizeof(std::int32_t));
  }
}

/// True when the round's steps are done.
bool SearchJob::end_phase() {
  Progress& progress = state_.progress;
  progress.index = 0;
  if (progress.in_weight_phase()) {
    state_.children = {};
    progress.phase = kControllerPhase;
    if (parts_.settings.rollout.steps > 0) return false;
  }
  progress.phase = first_phase();
  return true;
}

void SearchJob::end_stretch() {
  Progress& progress = state_.progress;
  run::compare_replicas(world_, parts_.strategy.state(), progress.step);
  const auto report = validate(world_, parts_.evaluator, parts_.strategy, parts_.space,
                               parts_.settings, progress.step);
  const bool is_first = state_.best.tokens.empty();
  if (report.best >= 0 &&
      (is_first || parts_.evaluator.metric().better(report.best_metric, state_.best.metric))) {
    state_.best = {report.best_metric, progress.step,
                   report.children[static_cast<std::size_t>(report.best)].architecture.tokens};
  }
  progress.mean_metric = report.mean_metric;
  reporter_.round(state_, report, run_log_, run::digest_of(parts_.strategy.state()));
  ++progress.round;
}

/// Steps of the present phase.
std::int64_t SearchJob::steps_in_phase() const {
  const Progress& progress = state_.progress;
  return progress.in_weight_phase() ? parts_.evaluator.weight_steps(progress.round)
                                    : parts_.settings.rollout.steps;
}

/// A round begins with its weight phase, unless there is nothing to train.
std::int64_t SearchJob::first_phase() const {
  return parts_.evaluator.weight_steps(state_.progress.round) > 0 ? kWeightPhase : kControllerPhase;
}

}  // namespace enas::search
