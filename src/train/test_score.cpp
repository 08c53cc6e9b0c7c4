// SPDX-License-Identifier: Apache-2.0
// The one look at the test split, after a training.
#include <memory>

#include "core/clock.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "nn/kernel/machine.hpp"
#include "run/directory.hpp"
#include "run/start.hpp"
#include "run/together.hpp"
#include "task/task.hpp"
#include "train/networks.hpp"
#include "train/split_score.hpp"
#include "train/trained.hpp"
#include "train/training.hpp"

namespace enas::train {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

/// Throws InputError unless the text is what evaluate() writes.
void check_result(const std::string& text, const std::filesystem::path& path) {
  try {
    const Json metrics = Json::parse(text).at("metrics");
    for (const char* split : {"validation", "test"}) {
      metrics.at(split).at("loss").get<double>();
      metrics.at(split).begin().value().get<double>();
    }
  } catch (const Json::exception&) {
    throw InputError(concat(path.string(), " is damaged; --again scores the network anew"));
  }
}

/// Rank 0. Throws InputError unless all epochs are done.
Trained load_finished(const Settings& settings, const std::filesystem::path& run) {
  Trained trained = load_trained(settings, run);
  if (trained.epochs >= settings.train.epochs) return trained;
  throw InputError(concat(run.string(), " is not finished: ", trained.epochs, " of ",
                          settings.train.epochs,
                          " epochs are done; the test split is looked at once, at the end (go on "
                          "with enas_hpc train)"));
}

void broadcast_network(comm::World& world, const child::Network& network) {
  for (const auto* list : {&network.weights(), &network.averages()}) {
    for (const auto& array : run::arrays_of(*list)) world.broadcast(array.bytes());
  }
}

Json score_json(const task::Metric& metric, const nn::Score& score) {
  return {{metric.name(), metric.of(score.loss(), score.accuracy())},
          {"loss", score.loss()},
          {concat(metric.example(), "s"), score.count}};
}

/// Collective. Scores both splits; the result is complete on rank 0.
Json score_all(comm::World& world, Log& log, const Settings& settings,
               const run::ConfigRecord& record, const std::filesystem::path& run,
               run::StopControl& stop) {
  const int threads = nn::set_threads(settings.run.threads);
  std::unique_ptr<task::Task> task;
  Trained trained;
  run::together(world, [&] { task = make_task(settings, {0, 0}); });
  const run::Identity present = run::present_identity(world, record, task->data_digest(),
                                                      task->digest_without_test(), threads);
  run::shake_hands(world, present);
  run::together(world, [&] {
    if (!world.is_root()) return;
    if (!run::is_same_data(newest_training_checkpoint(run).identity(), present)) {
      throw InputError(concat("the data are not those of the training: ", task->describe_data(),
                              " (data.source, data.path)"));
    }
    trained = load_finished(settings, run);
    require_test_split(*task, settings);
    io::probe_output(run / "test.json");
    if (!trained.warning.empty()) log.warn(trained.warning);
  });
  const auto text = world.broadcast_text(
      world.is_root() ? space::architecture_text(trained.architecture) : std::string());
  run::together(world, [&] {
    if (world.is_root()) return;
    trained.architecture = space::architecture_from_json(Json::parse(text), "the architecture");
    trained.network = make_network(settings, trained.architecture.network, task->data_shape());
  });
  broadcast_network(world, *trained.network);

  log.info(concat("scoring the weights of epoch ", trained.best_epoch + 1, " in ",
                  trained.checkpoint, " on ", task->describe_data()));
  task::warn_of_data(log, *task);
  run::report_surroundings(log);
  const task::Metric& metric = task->metric();
  const NetworkScorer scorer(*trained.network);
  const auto& train = settings.train;
  const auto validation =
      split_score_unless_stopped(world, *task, scorer, validation_cut(train), stop);
  const auto test = split_score_unless_stopped(world, *task, scorer, test_cut(train), stop);
  log.info(concat("validation ", metric.name(), " ",
                  metric.text(metric.of(validation.loss(), validation.accuracy())), ", test ",
                  metric.text(metric.of(test.loss(), test.accuracy()))));
  std::int64_t parameters = 0;
  for (const auto& weight : trained.network->weights()) parameters += weight.value.numel();
  space::ArchitectureFile result = trained.architecture;
  result.metrics = {{"validation", score_json(metric, validation)},
                    {"test", score_json(metric, test)},
                    {"test_batch_size", train.test_batch_size},
                    {"best_epoch", trained.best_epoch + 1},
                    {"epochs", train.epochs},
                    {"steps", trained.step},
                    {"parameters", parameters},
                    {"multiply_adds", trained.network->multiply_adds()},
                    {"seed", settings.run.seed}};
  return space::architecture_json(result);
}

}  // namespace

Json evaluate(comm::World& world, Log& log, const Settings& settings,
              const run::ConfigRecord& record, const std::filesystem::path& run, bool again,
              const run::Limits& limits) {
  run::StopControl stop(world.is_root(), run, limits, 0.0, false);
  const auto path = run / "test.json";
  std::string text;
  run::together(world, [&] {
    if (!world.is_root() || again || !std::filesystem::exists(path)) return;
    text = io::read_text(path, kMaxBytes);
    check_result(text, path);
    log.info(concat("already evaluated: ", path.string(), " (--again scores it anew)"));
  });
  text = world.broadcast_text(text);
  if (!text.empty()) return Json::parse(text);
  world.start_watchdog(settings.run.reliability.comm_timeout_s, run.string());
  const Json result = score_all(world, log, settings, record, run, stop);
  run::together(world, [&] {
    if (world.is_root()) run::Directory(run).write_json("test.json", result);
  });
  world.stop_watchdog();
  return Json::parse(world.broadcast_text(json_text(result)));
}

}  // namespace enas::train
