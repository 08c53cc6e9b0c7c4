// SPDX-License-Identifier: Apache-2.0
#include "train/training.hpp"

#include <memory>
#include <string>

#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "run/start.hpp"
#include "run/together.hpp"
#include "task/task.hpp"
#include "train/compute_device.hpp"
#include "train/networks.hpp"
#include "train/training_job.hpp"

namespace enas::train {

namespace {

ExitCode train_in(comm::World& world, Log& log, run::Directory& directory,
                  const ComputeDevice& device, const Settings& settings,
                  const space::ArchitectureFile& architecture, const run::ConfigRecord& record,
                  const run::Limits& limits) {
  const int threads = nn::set_threads(run::agree_on_threads(
      world, log, directory, settings.run.threads, limits, kTrainingCheckpoint));
  const int slots = settings.train.step.slots;
  std::unique_ptr<task::Task> task;
  std::unique_ptr<child::Network> network;
  require_kind(settings, architecture.network);
  run::together(world, [&] {
    task = make_task(settings, comm::block_of(world.rank(), world.size(), slots));
    network = device.place(make_network(settings, architecture.network, task->data_shape()));
  });
  const run::Identity identity = run::present_identity(world, record, task->data_digest(),
                                                       task->digest_without_test(), threads);
  run::shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set, "; device: ", device.text()));
  task::warn_of_data(log, *task);
  if (!has_test_split(*task, settings.train)) {
    log.warn(concat("no test split, without which the network cannot be evaluated: ",
                    test_split_advice(settings.data)));
  }
  run::report_surroundings(log);
  const auto reducer = device.make_reducer(world, slots, settings.run.reliability.comm_timeout_s);
  run::FaultInjector faults = run::agree_on_faults(world);
  const run::Context context{world, log, settings.run, limits, directory, identity, faults};
  TrainingJob job(context, {settings.train, architecture, *network, *reducer, *task});
  return run::drive(context, job);
}

}  // namespace

void check_trainings(comm::World& world, Log& log, const Settings& settings,
                     const space::TypedView& child, const run::Limits& limits) {
  const ComputeDevice device(world, log, limits.device,
                             settings.train.precision(settings.space.kind), settings.space.kind,
                             "train.precision");
  run::together(world, [&] {
    // Each stage looks at the data of every rank.
    if (!world.is_root()) return;
    const auto task = make_task(settings, {0, 0});
    require_test_split(*task, settings);
    require_buildable(settings);
    make_network(settings, child, task->data_shape());
  });
}

ExitCode run_training(comm::World& world, Log& log, const Settings& settings,
                      const space::ArchitectureFile& architecture, const run::ConfigRecord& record,
                      const run::Limits& limits) {
  const ComputeDevice device(world, log, limits.device,
                             settings.train.precision(settings.space.kind), settings.space.kind,
                             "train.precision");
  return run::in_directory(world, log, settings.run, [&](run::Directory& directory) {
    return train_in(world, log, directory, device, settings, architecture, record, limits);
  });
}

}  // namespace enas::train
