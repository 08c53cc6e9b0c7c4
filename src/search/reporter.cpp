// SPDX-License-Identifier: Apache-2.0
#include "search/reporter.hpp"

#include <algorithm>
#include <cmath>

#include "core/json.hpp"
#include "core/memory.hpp"
#include "core/text.hpp"
#include "core/version.hpp"

namespace enas::search {

namespace {

const char* current_phase(const SearchState& state) {
  return state.progress.in_weight_phase() ? "weights" : "controller";
}

double moving_average(double average, double value) {
  return average == 0.0 ? value : 0.9 * average + 0.1 * value;
}

}  // namespace

Reporter::Reporter(comm::World& world, Log& log, const run::Directory& directory,
                   const Settings& settings, const space::SearchSpace& space,
                   const Evaluator& evaluator)
    : world_(world),
      log_(log),
      directory_(directory),
      settings_(settings),
      space_(space),
      evaluator_(evaluator) {}

std::string Reporter::limit_text() const {
  const task::Metric& metric = evaluator_.metric();
  return std::isfinite(metric.limit)
             ? concat(" (", metric.limit_name, " ", metric.text(metric.limit), ")")
             : "";
}

void Reporter::started(bool is_resumed, const SearchState& state) {
  if (!is_resumed) {
    log_.info(concat("new search in ", directory_.root().string(), ", seed ", settings_.run.seed));
  }
  best(state);
  status(state, current_phase(state), "");
  since_step_.restart();
  since_round_.restart();
}

void Reporter::weight_step(const Progress& progress, const train::StepReport& report,
                           std::int64_t steps_in_phase) {
  weight_step_s_ = moving_average(weight_step_s_, since_step_.restart());
  log_.progress(concat("step ", progress.step + 1, "  round ", progress.round + 1, "/",
                       settings_.rounds, "  weights ", progress.index + 1, "/", steps_in_phase,
                       "  loss ", fixed(report.loss, 3), "  ", fixed(report.examples_per_s, 0), " ",
                       evaluator_.metric().example(), "s/s  ", time_left(progress)));
}

void Reporter::log_weight_step(RunLog& run_log, const Progress& progress,
                               const train::StepReport& report,
                               const std::vector<space::Architecture>& children,
                               const io::Digest& strategy) {
  run_log.add_weight_step(progress, report, children, strategy);
  for (std::size_t i = 0; i < report.slots.size(); ++i) {
    if (report.slots[i].finite != 0) continue;
    const std::string text =
        concat("slot ", i, " had no finite gradient (loss ", report.slots[i].loss,
               ") and was left out, its carried state reset; child ", children[i].text());
    run_log.add_event(progress.step, "not_finite", text);
    log_.warn(concat("step ", progress.step, ", batch ", progress.index, ": ", text));
  }
  if (report.sum_overflowed) {
    const std::string text = run::overflow_text(report.num_finite);
    run_log.add_event(progress.step, "not_finite", text);
    log_.warn(concat("step ", progress.step, ", batch ", progress.index, ": ", text));
  }
}

void Reporter::controller_step(const Progress& progress, const ControllerStepReport& report) {
  controller_step_s_ = moving_average(controller_step_s_, since_step_.restart());
  const double rate = settings_.rollout.rollouts / controller_step_s_;
  log_.progress(concat("step ", progress.step + 1, "  round ", progress.round + 1, "/",
                       settings_.rounds, "  controller ", progress.index + 1, "/",
                       settings_.rollout.steps, "  reward ", fixed(report.mean_reward, 4), "  ",
                       fixed(rate, 1), " rollouts/s  ", time_left(progress)));
}

std::string Reporter::time_left(const Progress& progress) const {
  const bool in_weights = progress.in_weight_phase();
  const std::int64_t weight_steps = evaluator_.weight_steps(progress.round);
  const auto rounds_after = static_cast<double>(settings_.rounds - progress.round - 1);
  double weight_left = rounds_after * static_cast<double>(weight_steps);
  double controller_left = rounds_after * settings_.rollout.steps;
  if (in_weights) {
    weight_left += static_cast<double>(weight_steps - progress.index - 1);
    controller_left += settings_.rollout.steps;
  } else {
    controller_left += static_cast<double>(settings_.rollout.steps - progress.index - 1);
  }
  // Of one kind of steps none may have been timed yet.
  const bool is_timed = (weight_left == 0.0 || weight_step_s_ > 0.0) &&
                        (controller_left == 0.0 || controller_step_s_ > 0.0);
  return concat(is_timed ? "" : "at least ",
                human_duration(weight_left * weight_step_s_ + controller_left * controller_step_s_),
                " left");
}

void Reporter::round(const SearchState& state, const ValidationReport& report, RunLog& run_log,
                     const io::Digest& strategy) {
  const double seconds = since_round_.restart();
  if (world_.is_root()) {
    run_log.add_round(state.progress, report, state.best.metric, strategy, seconds);
  }
  std::vector<std::string> shares;
  for (std::size_t i = 0; i < report.option_histogram.size(); ++i) {
    shares.push_back(
        concat(space_.options()[i], " ", fixed(100.0 * report.option_histogram[i], 0), "%"));
  }
  if (std::isfinite(report.skip_rate)) {
    shares.push_back(concat("skips ", fixed(100.0 * report.skip_rate, 0), "%"));
  }
  const task::Metric& metric = evaluator_.metric();
  log_.info(concat("round ", state.progress.round + 1, "/", settings_.rounds, " done at step ",
                   state.progress.step, ": validation ", metric.name(), " of ",
                   report.children.size(), " children ",
                   report.best < 0 ? "not finite"
                                   : concat("mean ", metric.text(report.mean_metric), " best ",
                                            metric.text(report.best_metric), limit_text()),
                   state.best.tokens.empty() ? std::string()
                                             : concat(", so far ", metric.text(state.best.metric)),
                   "; entropy ", fixed(report.entropy, 3), " of ", fixed(space_.max_entropy(), 3),
                   " nats; ", join(shares, ", "), "; ", human_duration(seconds)));
  best(state);
  status(state, current_phase(state), "");
  since_step_.restart();
}

void Reporter::best(const SearchState& state) {
  if (!world_.is_root()) return;
  if (state.best.tokens.empty()) {
    std::error_code ignored;  // usually it is not there
    std::filesystem::remove(directory_.root() / "best.json", ignored);
    return;
  }
  const space::Architecture architecture{space_.id(), state.best.tokens};
  const auto child = space::describe(settings_.space, architecture);
  const task::Metric& metric = evaluator_.metric();
  try {
    directory_.write_json("best.json", {{"format", "enas_hpc best"},
                                        {"format_version", 1},
                                        {"space", space_.id()},
                                        {"metric", metric.name()},
                                        {metric.name(), number_or_null(state.best.metric)},
                                        {"limit", number_or_null(metric.limit)},
                                        {"scored_on", evaluator_.validation_text()},
                                        {"step", state.best.step},
                                        {"text", child.text},
                                        {"architecture", child.json},
                                        {"tokens", state.best.tokens},
                                        {"strategy", name_of(settings_.strategy)},
                                        {"seed", settings_.run.seed},
                                        {"program_version", kVersion},
                                        {"git_revision", kGitRevision}});
  } catch (const SystemError& error) {
    log_.warn(concat("best.json was not written: ", error.what()));
  }
}

void Reporter::checkpoint(const SearchState& state) { status(state, current_phase(state), ""); }

void Reporter::failed(const SearchState& state, const Error& error) {
  status(state, "failed", concat(error.what(), " (exit ", static_cast<int>(error.code()), ")"));
}

void Reporter::status(const SearchState& state, const std::string& phase,
                      const std::string& reason) {
  if (!world_.is_root()) return;
  Json json = {{"phase", phase},
               {"reason", reason},
               {"step", state.progress.step},
               {"round", state.progress.round},
               {"rounds", settings_.rounds},
               {"metric", evaluator_.metric().name()},
               {"best", number_or_null(state.best.metric)},
               {"mean", number_or_null(state.progress.mean_metric)},
               {"limit", number_or_null(evaluator_.metric().limit)},
               {"ranks", world_.size()},
               {"updated", utc_now()}};
  json.update(evaluator_.data_facts());
  try {
    directory_.write_json("status.json", json);
  } catch (const SystemError& error) {
    log_.warn(concat("status.json was not written: ", error.what()));
  }
}

void Reporter::ended(const SearchState& state, const std::string& reason, double wall_seconds) {
  const auto memory = world_.all_gather_value(peak_memory_bytes());
  const double largest = *std::max_element(memory.begin(), memory.end());
  const bool finished = reason == "finished" || reason == "max_steps";
  log_.info(concat(finished ? "done (" : "stopped with a checkpoint (", reason, ") at step ",
                   state.progress.step, ", round ", state.progress.round, " of ", settings_.rounds,
                   " after ", human_duration(wall_seconds), " in all; peak memory ",
                   human_bytes(largest), " a rank"));
  if (!state.best.tokens.empty()) {
    const auto child = space::describe(settings_.space, {space_.id(), state.best.tokens});
    log_.info(concat("best child: validation ", evaluator_.metric().name(), " ",
                     evaluator_.metric().text(state.best.metric), limit_text(), ", ", child.text));
  }
  log_.info(concat("files: ", directory_.root().string()));
  status(state, reason == "finished" ? "finished" : "stopped", reason);
}

}  // namespace enas::search
