// SPDX-License-Identifier: Apache-2.0
#include "search/search.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <memory>

#include "core/text.hpp"
#include "search/compute_device.hpp"
#include "search/run_start.hpp"
#include "search/search_loop.hpp"
#include "search/spaces.hpp"
#include "search/task.hpp"
#include "search/together.hpp"

namespace enas::search {

namespace {

ExitCode run_in(comm::World& world, Log& log, RunDirectory& directory, const ComputeDevice& device,
                const Settings& settings, const ConfigRecord& record, const RunLimits& limits) {
  const int threads = set_threads(
      agree_on_threads(world, log, directory, settings.run.threads, limits, kSearchCheckpoint));
  const auto own_slots = comm::block_of(world.rank(), world.size(), settings.weights.slots);
  std::unique_ptr<Task> task;
  together(world, [&] { task = make_task(settings, own_slots); });
  const RunIdentity identity = present_identity(world, record, *task, threads);
  shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set, "; device: ", device.text()));
  warn_of_data(log, *task);
  report_surroundings(log);

  const auto space = make_space(settings.space);
  const auto reducer =
      device.make_reducer(world, settings.weights.slots, settings.reliability.comm_timeout_s);
  std::unique_ptr<supernet::Supernet> supernet;
  std::unique_ptr<Strategy> strategy;
  together(world, [&] {
    supernet = device.place(make_supernet(settings, task->data_shape()));
    strategy = make_strategy(space, settings);
  });
  SearchLoop loop({world, log, settings, limits, space, *supernet, *strategy, *reducer, *task,
                   directory, identity});
  return loop.run();
}

}  // namespace

ExitCode run_search(comm::World& world, Log& log, const Settings& settings,
                    const ConfigRecord& record, const RunLimits& limits) {
  Settings asked = settings;
  const ComputeDevice device(world, log, limits.device, supernet_precision(asked),
                             settings.space.kind, "supernet.precision");
  RunDirectory directory(settings.run.dir);
  together(world, [&] {
    if (!world.is_root()) return;
    directory.open_on_root();
    log.open_file(directory.root() / "run.log");
  });
  log.set_progress_interval(settings.run.log_interval_s);
  world.start_watchdog(settings.reliability.comm_timeout_s, directory.root().string());
  const ExitCode result = run_in(world, log, directory, device, settings, record, limits);
  world.stop_watchdog();
  log.close_file();
  directory.close_on_root();
  world.barrier();
  return result;
}

int set_threads(int threads) {
  at::set_num_threads(threads);
  return at::get_num_threads();
}

std::string instruction_set() { return at::get_cpu_capability(); }

}  // namespace enas::search
