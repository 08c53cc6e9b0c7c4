// SPDX-License-Identifier: Apache-2.0
#include "search/run_log.hpp"

#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "train/step_columns.hpp"

namespace enas::search {

namespace {

using enum run::ColumnType;

const run::ColumnSpec kStep = {"step", integer, "1", "steps done before this row's", false, 1};
const run::ColumnSpec kRound = {"round", integer, "1", "round, from 0", false, 1};

std::string per_example(const task::Metric& metric) { return concat("nats/", metric.example()); }

std::vector<run::ColumnSpec> controller_step_columns() {
  return {kStep,
          kRound,
          {"reward", real, "1", "mean over rollouts, with the entropy bonus"},
          {"baseline", real, "1", "moving average after the step"},
          {"advantage", real, "1", "mean over rollouts"},
          {"entropy", real, "nats", "of the policy along a rollout, mean over rollouts"},
          {"skip_penalty", real, "nats", "KL of skips to their target, mean over rollouts"},
          {"gradient_norm", real, "1", "of the policy's gradient"},
          {"compute_s", real, "s", "scoring and learning on rank 0", true},
          {"wait_s", real, "s", "waiting for the slowest rank on rank 0", true}};
}

std::vector<run::ColumnSpec> children_columns(const space::SearchSpace& space,
                                              const task::Metric& metric) {
  return {kStep,
          kRound,
          {"source", text, "1", "slot (trained), rollout (scored for a reward) or validation"},
          {"index", integer, "1", "which slot, rollout or validation child"},
          {"tokens", integers, "1", "the architecture", false, space.num_tokens()},
          {"loss", real, per_example(metric), "training loss of a slot, else validation loss"},
          {"metric", real, "1", "of the same examples"},
          {"reward", real, "1", "of a rollout, without entropy; NaN elsewhere"},
          {"finite", integer, "1", "1 when loss and metric are finite"},
          {"strategy_digest", text, "1", "XXH3-128 of the strategy's state that proposed it"},
          {"log_probability", real, "nats", "of a validation child being sampled; NaN elsewhere"},
          {"seconds", real, "s", "that its rank worked on a slot; NaN elsewhere", true}};
}

std::vector<run::ColumnSpec> round_columns(const space::SearchSpace& space) {
  return {kRound,
          {"step", integer, "1", "steps done at the round's end"},
          {"mean_metric", real, "1", "over the sampled validation children"},
          {"best_metric", real, "1", "of the best among them"},
          {"best_so_far", real, "1", "best metric of all rounds"},
          {"entropy", real, "nats", "of the policy, sum over decisions"},
          {"decision_entropy", reals, "nats", "one a token", false, space.num_tokens()},
          {"option_histogram", reals, "1", "share of each option", false, space.num_options()},
          {"skip_rate", real, "1", "share of skips taken; NaN in spaces without skips"},
          {"seconds", real, "s", "wall time of the round", true}};
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return values.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : sum / static_cast<double>(values.size());
}

}  // namespace

RunLog::RunLog(const space::SearchSpace& space, const task::Metric& metric)
    : StepLog("enas_hpc log", kLogFormatVersion),
      space_(space),
      metric_(metric),
      weight_steps_(add_table("weight_steps", train::step_columns(metric, kRound))),
      controller_steps_(add_table("controller_steps", controller_step_columns())),
      children_(add_table("children", children_columns(space, metric))),
      rounds_(add_table("rounds", round_columns(space))) {}

void RunLog::add_weight_step(const Progress& progress, const train::StepReport& report,
                             const std::vector<space::Architecture>& children,
                             const io::Digest& strategy) {
  weight_steps_.add_row(train::step_row(metric_, progress.step, progress.round, report));
  for (std::size_t slot = 0; slot < report.slots.size(); ++slot) {
    const run::StepRecord& record = report.slots[slot];
    const double accuracy = static_cast<double>(record.correct) / static_cast<double>(record.count);
    const auto status =
        record.finite != 0 ? space::RolloutStatus::ok : space::RolloutStatus::not_finite;
    add_child(progress, strategy,
              {.source = "slot",
               .index = record.item,
               .child = {children[slot], record.loss, metric_.of(record.loss, accuracy), status},
               .seconds = record.seconds});
  }
}

void RunLog::add_controller_step(const Progress& progress, const ControllerStepReport& report,
                                 const io::Digest& strategy) {
  const LearnReport& learned = report.learned;
  controller_steps_.add_row({progress.step, progress.round, mean(learned.reward), learned.baseline,
                             mean(learned.advantage), mean(learned.entropy), learned.skip_penalty,
                             learned.gradient_norm, report.compute_s, report.wait_s});
  for (std::size_t i = 0; i < report.rollouts.size(); ++i) {
    add_child(progress, strategy,
              {.source = "rollout",
               .index = static_cast<std::int64_t>(i),
               .child = report.rollouts[i],
               .reward = report.rewards[i]});
  }
}

void RunLog::add_round(const Progress& progress, const ValidationReport& report, double best_so_far,
                       const io::Digest& strategy, double seconds) {
  rounds_.add_row({progress.round, progress.step, report.mean_metric, report.best_metric,
                   best_so_far, report.entropy, report.decision_entropy, report.option_histogram,
                   report.skip_rate, seconds});
  for (std::size_t i = 0; i < report.children.size(); ++i) {
    add_child(progress, strategy,
              {.source = "validation",
               .index = static_cast<std::int64_t>(i),
               .child = report.children[i],
               .log_probability = report.log_probability[i]});
  }
}

void RunLog::add_child(const Progress& progress, const io::Digest& strategy, const ChildRow& row) {
  const space::Rollout& child = row.child;
  children_.add_row({progress.step, progress.round, row.source, row.index,
                     child.architecture.tokens, child.loss, child.metric, row.reward,
                     std::int64_t{child.status == space::RolloutStatus::ok ? 1 : 0}, strategy.hex(),
                     row.log_probability, row.seconds});
}

void RunLog::write_facts(io::ImageWriter& image) const {
  image.attribute("/", "space", space_.id());
  image.attribute("/", "metric", metric_.name());
  image.attribute("/", "higher_is_better", std::int64_t{metric_.higher_is_better() ? 1 : 0});
  image.strings("/options", space_.options());
  image.strings("/decisions", space_.token_names());
}

}  // namespace enas::search
