// SPDX-License-Identifier: Apache-2.0
#include "train/training_log.hpp"

#include <utility>

#include "core/text.hpp"
#include "train/step_columns.hpp"

namespace enas::train {

namespace {

using enum run::ColumnType;

constexpr std::int64_t kFormatVersion = 3;

const run::ColumnSpec kEpoch = {"epoch", integer, "1", "epoch, from 0", false, 1};

std::string per_example(const task::Metric& metric) { return concat("nats/", metric.example()); }

std::vector<run::ColumnSpec> epoch_columns(const task::Metric& metric) {
  return {kEpoch,
          {"step", integer, "1", "steps done at its end", false, 1},
          {"train_loss", real, per_example(metric), "mean over steps and finite slots", false, 1},
          {"train_metric", real, "1",
           "perplexity exp(train_loss), or accuracy, mean over steps and finite slots", false, 1},
          {"validation_loss", real, per_example(metric), "of the whole validation split"},
          {"validation_metric", real, "1", "of the whole validation split"},
          {"averaged", integer, "1", "1 when validation is of the averaged weights"},
          {"best_metric", real, "1", "best validation so far"},
          {"lr", real, "1", "learning rate of the last step"},
          {"seconds", real, "s", "wall time of the epoch", true}};
}

}  // namespace

TrainingLog::TrainingLog(const task::Metric& metric, std::string architecture)
    : StepLog("enas_hpc training log", kFormatVersion),
      metric_(metric),
      architecture_(std::move(architecture)),
      steps_(add_table("training_steps", step_columns(metric, kEpoch))),
      epochs_(add_table("epochs", epoch_columns(metric))) {}

void TrainingLog::add_step(const TrainingProgress& progress, const StepReport& report) {
  steps_.add_row(step_row(metric_, progress.step, progress.epoch, report));
}

void TrainingLog::add_epoch(const TrainingProgress& progress, const EpochReport& report) {
  epochs_.add_row({progress.epoch, progress.step, report.train_loss, report.train_metric,
                   report.validation_loss, report.validation_metric,
                   std::int64_t{report.is_averaged ? 1 : 0}, progress.best_metric, report.lr,
                   report.seconds});
}

void TrainingLog::write_facts(io::ImageWriter& image) const {
  image.attribute("/", "metric", metric_.name());
  image.attribute("/", "higher_is_better", std::int64_t{metric_.higher_is_better() ? 1 : 0});
  image.attribute("/", "architecture", architecture_);
}

}  // namespace enas::train
