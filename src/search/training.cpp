// SPDX-License-Identifier: Apache-2.0
#include "search/training.hpp"

#include <memory>
#include <string>

#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "run/start.hpp"
#include "run/together.hpp"
#include "search/compute_device.hpp"
#include "search/networks.hpp"
#include "search/random_strategy.hpp"
#include "search/search.hpp"
#include "search/task.hpp"
#include "search/training_job.hpp"

namespace enas::search {

namespace {

/// Some child of the space, to see whether its network can be built.
space::TypedView any_child(const Settings& settings) {
  const space::SearchSpace space = make_space(settings.space);
  const RandomStrategy uniform(space, settings.run.seed);
  return typed_view(settings.space, uniform.propose(1, {Purpose::derived_children, 0, 0}).front());
}

ExitCode train_in(comm::World& world, Log& log, run::Directory& directory,
                  const ComputeDevice& device, const Settings& settings,
                  const space::ArchitectureFile& architecture, const run::ConfigRecord& record,
                  const run::Limits& limits) {
  const int threads = nn::set_threads(run::agree_on_threads(
      world, log, directory, settings.run.threads, limits, kTrainingCheckpoint));
  const Settings batches = with_training_batches(settings);
  const int slots = settings.train.step.slots;
  std::unique_ptr<Task> task;
  std::unique_ptr<child::Network> network;
  require_kind(settings, architecture.network);
  run::together(world, [&] {
    task = make_training_task(batches, comm::block_of(world.rank(), world.size(), slots));
    network = device.place(make_network(settings, architecture.network, task->data_shape()));
  });
  const run::Identity identity = run::present_identity(world, record, task->data_digest(),
                                                       task->digest_without_test(), threads);
  run::shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set, "; device: ", device.text()));
  warn_of_data(log, *task);
  if (!has_test_split(*task, settings.train)) {
    log.warn(concat("no test split, without which the network cannot be evaluated: ",
                    test_split_advice(settings.data)));
  }
  run::report_surroundings(log);
  const auto reducer = device.make_reducer(world, slots, settings.run.reliability.comm_timeout_s);
  run::FaultInjector faults(run::fault_of_environment(), world.rank());
  const run::Context context{world, log, settings.run, limits, directory, identity, faults};
  TrainingJob job(context, {settings.train, architecture, *network, *reducer, *task});
  return run::drive(context, job);
}

}  // namespace

void check_trainings(comm::World& world, Log& log, const Settings& settings,
                     const run::Limits& limits) {
  Settings batches = with_training_batches(settings);
  const ComputeDevice device(world, log, limits.device, train_precision(batches),
                             settings.space.kind, "train.precision");
  run::together(world, [&] {
    // Each stage looks at the data of every rank.
    if (!world.is_root()) return;
    const auto task = make_training_task(batches, {0, 0});
    require_test_split(*task, settings);
    require_buildable(settings);
    make_network(settings, any_child(settings), task->data_shape());
  });
}

ExitCode run_training(comm::World& world, Log& log, const Settings& settings,
                      const space::ArchitectureFile& architecture, const run::ConfigRecord& record,
                      const run::Limits& limits) {
  Settings asked = settings;
  const ComputeDevice device(world, log, limits.device, train_precision(asked), settings.space.kind,
                             "train.precision");
  return run::in_directory(world, log, settings.run, [&](run::Directory& directory) {
    return train_in(world, log, directory, device, settings, architecture, record, limits);
  });
}

}  // namespace enas::search
