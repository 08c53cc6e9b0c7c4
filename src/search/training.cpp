// SPDX-License-Identifier: Apache-2.0
#include "search/training.hpp"

#include <memory>
#include <string>

#include "core/text.hpp"
#include "search/compute_device.hpp"
#include "search/networks.hpp"
#include "search/random_strategy.hpp"
#include "search/run_start.hpp"
#include "search/search.hpp"
#include "search/task.hpp"
#include "search/together.hpp"
#include "search/training_loop.hpp"

namespace enas::search {

namespace {

/// Some child of the space, to see whether its network can be built.
space::TypedView any_child(const Settings& settings) {
  const space::SearchSpace space = make_space(settings.space);
  const RandomStrategy uniform(space, settings.run.seed);
  return typed_view(settings.space, uniform.propose(1, {Purpose::derived_children, 0, 0}).front());
}

ExitCode train_in(comm::World& world, Log& log, RunDirectory& directory,
                  const ComputeDevice& device, const Settings& settings,
                  const space::ArchitectureFile& architecture, const ConfigRecord& record,
                  const RunLimits& limits) {
  const int threads = set_threads(
      agree_on_threads(world, log, directory, settings.run.threads, limits, kTrainingCheckpoint));
  const Settings batches = with_training_batches(settings);
  const int slots = settings.train.step.slots;
  std::unique_ptr<Task> task;
  std::unique_ptr<child::Network> network;
  require_kind(settings, architecture.network);
  together(world, [&] {
    task = make_training_task(batches, comm::block_of(world.rank(), world.size(), slots));
    network = device.place(make_network(settings, architecture.network, task->data_shape()));
  });
  const RunIdentity identity = present_identity(world, record, *task, threads);
  shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set, "; device: ", device.text()));
  warn_of_data(log, *task);
  if (!has_test_split(*task, settings.train)) {
    log.warn(concat("no test split, without which the network cannot be evaluated: ",
                    test_split_advice(settings.data)));
  }
  report_surroundings(log);
  const auto reducer = device.make_reducer(world, slots, settings.reliability.comm_timeout_s);
  TrainingLoop loop(
      {world, log, settings, limits, architecture, *network, *reducer, *task, directory, identity});
  return loop.run();
}

}  // namespace

void check_trainings(comm::World& world, Log& log, const Settings& settings,
                     const RunLimits& limits) {
  Settings batches = with_training_batches(settings);
  const ComputeDevice device(world, log, limits.device, train_precision(batches),
                             settings.space.kind, "train.precision");
  together(world, [&] {
    // Each stage looks at the data of every rank.
    if (!world.is_root()) return;
    const auto task = make_training_task(batches, {0, 0});
    require_test_split(*task, settings);
    require_buildable(settings);
    make_network(settings, any_child(settings), task->data_shape());
  });
}

ExitCode run_training(comm::World& world, Log& log, const Settings& settings,
                      const space::ArchitectureFile& architecture, const ConfigRecord& record,
                      const RunLimits& limits) {
  Settings asked = settings;
  const ComputeDevice device(world, log, limits.device, train_precision(asked), settings.space.kind,
                             "train.precision");
  RunDirectory directory(settings.run.dir);
  together(world, [&] {
    if (!world.is_root()) return;
    directory.open_on_root();
    log.open_file(directory.root() / "run.log");
  });
  log.set_progress_interval(settings.run.log_interval_s);
  world.start_watchdog(settings.reliability.comm_timeout_s, directory.root().string());
  const ExitCode result =
      train_in(world, log, directory, device, settings, architecture, record, limits);
  world.stop_watchdog();
  log.close_file();
  directory.close_on_root();
  world.barrier();
  return result;
}

}  // namespace enas::search
