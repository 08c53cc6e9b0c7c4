// SPDX-License-Identifier: Apache-2.0
#include "search/training.hpp"

#include <memory>
#include <string>
#include <string_view>

#include "core/text.hpp"
#include "search/compute_device.hpp"
#include "search/networks.hpp"
#include "search/run_start.hpp"
#include "search/search.hpp"
#include "search/task.hpp"
#include "search/together.hpp"
#include "search/training_loop.hpp"

namespace enas::search {

namespace {

/// A task's messages name the keys of a search.
std::unique_ptr<Task> make_training_task(const Settings& batches, const comm::Block& own_slots) {
  try {
    return make_task(batches, own_slots);
  } catch (const ConfigError& error) {
    std::string message = error.what();
    for (std::size_t at = 0; (at = message.find("weights.", at)) != std::string::npos;) {
      message.replace(at, std::string_view("weights.").size(), "train.");
    }
    throw ConfigError(message, error.code());
  }
}

void check_cut(const Task& task, const SplitCut& cut, const char* keys) {
  try {
    task.num_parts(cut);
  } catch (const InputError& error) {
    throw ConfigError(concat(keys, " is too large: ", error.what()));
  }
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
    // Before anything is written: whether the splits can be cut like this.
    check_cut(*task, validation_cut(settings.train),
              "train.evaluation_batch_size times train.evaluation_parts");
    check_cut(*task, test_cut(settings.train), "train.test_batch_size");
    network = device.place(make_network(settings, architecture.network, task->data_shape()));
  });
  const RunIdentity identity = present_identity(world, record, task->data_digest(), threads);
  shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set, "; device: ", device.text()));
  warn_of_data(log, *task);
  report_surroundings(log);
  const auto reducer = device.make_reducer(world, slots, settings.reliability.comm_timeout_s);
  TrainingLoop loop(
      {world, log, settings, limits, architecture, *network, *reducer, *task, directory, identity});
  return loop.run();
}

}  // namespace

ExitCode run_training(comm::World& world, Log& log, const Settings& settings,
                      const space::ArchitectureFile& architecture, const ConfigRecord& record,
                      const RunLimits& limits) {
  Settings asked = settings;
  const ComputeDevice device(world, log, limits.device, train_precision(asked),
                             settings.space.kind);
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
