// SPDX-License-Identifier: Apache-2.0
#include "search/search.hpp"

#include <memory>

#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "run/start.hpp"
#include "run/together.hpp"
#include "search/compute_device.hpp"
#include "search/search_job.hpp"
#include "search/spaces.hpp"
#include "search/task.hpp"

namespace enas::search {

namespace {

ExitCode run_in(comm::World& world, Log& log, run::Directory& directory,
                const ComputeDevice& device, const Settings& settings,
                const run::ConfigRecord& record, const run::Limits& limits) {
  const int threads = nn::set_threads(run::agree_on_threads(
      world, log, directory, settings.run.threads, limits, kSearchCheckpoint));
  const auto own_slots = comm::block_of(world.rank(), world.size(), settings.weights.slots);
  std::unique_ptr<Task> task;
  run::together(world, [&] { task = make_task(settings, own_slots); });
  const run::Identity identity = run::present_identity(world, record, task->data_digest(),
                                                       task->digest_without_test(), threads);
  run::shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set, "; device: ", device.text()));
  warn_of_data(log, *task);
  run::report_surroundings(log);

  const auto space = make_space(settings.space);
  const auto reducer =
      device.make_reducer(world, settings.weights.slots, settings.run.reliability.comm_timeout_s);
  std::unique_ptr<supernet::Supernet> supernet;
  std::unique_ptr<Strategy> strategy;
  run::together(world, [&] {
    supernet = device.place(make_supernet(settings, task->data_shape()));
    strategy = make_strategy(space, settings);
  });
  run::FaultInjector faults(run::fault_of_environment(), world.rank());
  const run::Context context{world, log, settings.run, limits, directory, identity, faults};
  SearchJob job(context, {settings, space, *supernet, *strategy, *reducer, *task});
  return run::drive(context, job);
}

}  // namespace

ExitCode run_search(comm::World& world, Log& log, const Settings& settings,
                    const run::ConfigRecord& record, const run::Limits& limits) {
  Settings asked = settings;
  const ComputeDevice device(world, log, limits.device, supernet_precision(asked),
                             settings.space.kind, "supernet.precision");
  return run::in_directory(world, log, settings.run, [&](run::Directory& directory) {
    return run_in(world, log, directory, device, settings, record, limits);
  });
}

}  // namespace enas::search
