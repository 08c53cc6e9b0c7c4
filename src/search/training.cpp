// SPDX-License-Identifier: Apache-2.0
#include "search/training.hpp"

#include <memory>

#include "comm/mpi_reducer.hpp"
#include "core/text.hpp"
#include "search/networks.hpp"
#include "search/run_start.hpp"
#include "search/search.hpp"
#include "search/task.hpp"
#include "search/together.hpp"
#include "search/training_loop.hpp"

namespace enas::search {

namespace {

ExitCode train_in(comm::World& world, Log& log, RunDirectory& directory, const Settings& settings,
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
    task = make_task(batches, comm::block_of(world.rank(), world.size(), slots));
    // Before anything is written: whether the splits can be cut like this.
    task->num_parts(validation_cut(settings.train));
    task->num_parts(test_cut(settings.train));
    network = make_network(settings, architecture.network, task->data_shape());
  });
  const RunIdentity identity = present_identity(world, record, task->data_digest(), threads);
  shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set));
  comm::MpiReducer reducer(world, slots);
  TrainingLoop loop(
      {world, log, settings, limits, architecture, *network, reducer, *task, directory, identity});
  return loop.run();
}

}  // namespace

ExitCode run_training(comm::World& world, Log& log, const Settings& settings,
                      const space::ArchitectureFile& architecture, const ConfigRecord& record,
                      const RunLimits& limits) {
  RunDirectory directory(settings.run.dir);
  together(world, [&] {
    if (!world.is_root()) return;
    directory.open_on_root();
    log.open_file(directory.root() / "run.log");
  });
  log.set_progress_interval(settings.run.log_interval_s);
  world.start_watchdog(settings.reliability.comm_timeout_s, directory.root().string());
  const ExitCode result = train_in(world, log, directory, settings, architecture, record, limits);
  log.close_file();
  directory.close_on_root();
  world.barrier();
  return result;
}

}  // namespace enas::search
