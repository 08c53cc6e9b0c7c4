// SPDX-License-Identifier: Apache-2.0
#include "train/training_reporter.hpp"

#include "core/json.hpp"
#include "core/text.hpp"

namespace enas::train {

TrainingReporter::TrainingReporter(const run::Context& context, const Options& options,
                                   const task::Task& task)
    : context_(context), options_(options), task_(task) {}

void TrainingReporter::started(bool is_resumed, const TrainingProgress& progress,
                               const child::Network& network) {
  if (!is_resumed) {
    std::int64_t parameters = 0;
    for (const auto& weight : network.weights()) parameters += weight.value.numel();
    context_.log.info(concat("new training in ", context_.directory.root().string(), ", seed ",
                             context_.options.seed, "; ", parameters, " parameters"));
  }
  status(progress, "training", "");
  since_epoch_.restart();
}

void TrainingReporter::step(const TrainingProgress& progress, const StepReport& report) {
  context_.log.progress(concat("step ", progress.step + 1, "  epoch ", progress.epoch + 1, "/",
                               options_.epochs, "  ", progress.index + 1, "/",
                               task_.steps_in_pass(progress.epoch), "  loss ",
                               fixed(report.loss, 3), "  ", fixed(report.examples_per_s, 0), " ",
                               task_.metric().example(), "s/s"));
}

void TrainingReporter::epoch(const TrainingProgress& progress, const EpochReport& report) {
  const task::Metric& metric = task_.metric();
  context_.log.info(
      concat("epoch ", progress.epoch + 1, "/", options_.epochs, " done at step ", progress.step,
             ": training ", metric.name(), " ", metric.text(report.train_metric), ", validation ",
             metric.text(report.validation_metric), report.is_averaged ? " (averaged weights)" : "",
             ", best ", metric.text(progress.best_metric), " in epoch ", progress.best_epoch + 1,
             "; lr ", fixed(report.lr, 5), "; ", human_duration(report.seconds)));
}

void TrainingReporter::status(const TrainingProgress& progress, const std::string& phase,
                              const std::string& reason) {
  if (!context_.world.is_root()) return;
  Json json = {{"phase", phase},
               {"reason", reason},
               {"step", progress.step},
               {"epoch", progress.epoch},
               {"epochs", options_.epochs},
               {"metric", task_.metric().name()},
               {"best", number_or_null(progress.best_metric)},
               {"best_epoch", progress.best_epoch},
               {"ranks", context_.world.size()},
               {"updated", utc_now()}};
  json.update(task_.data_facts());
  try {
    context_.directory.write_json("status.json", json);
  } catch (const SystemError& error) {
    context_.log.warn(concat("status.json was not written: ", error.what()));
  }
}

void TrainingReporter::failed(const TrainingProgress& progress, const Error& error) {
  status(progress, "failed", concat(error.what(), " (exit ", static_cast<int>(error.code()), ")"));
}

void TrainingReporter::ended(const TrainingProgress& progress, const std::string& reason,
                             double wall_seconds) {
  Log& log = context_.log;
  const bool is_finished = reason == "finished";
  log.info(concat(is_finished || reason == "max_steps" ? "done (" : "stopped with a checkpoint (",
                  reason, ") at step ", progress.step, ", epoch ", progress.epoch, " of ",
                  options_.epochs, " after ", human_duration(wall_seconds), " in all"));
  if (progress.best_epoch >= 0) {
    const task::Metric& metric = task_.metric();
    log.info(concat("best validation ", metric.name(), " ", metric.text(progress.best_metric),
                    " in epoch ", progress.best_epoch + 1));
  }
  log.info(concat("files: ", context_.directory.root().string()));
  status(progress, is_finished ? "finished" : "stopped", reason);
}

}  // namespace enas::train
