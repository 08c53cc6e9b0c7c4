// SPDX-License-Identifier: Apache-2.0
#include "search/search.hpp"

#include <memory>

#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "run/start.hpp"
#include "run/together.hpp"
#include "search/search_job.hpp"
#include "space/space_options.hpp"
#include "task/task.hpp"
#include "train/compute_device.hpp"

namespace enas::search {

namespace {

ExitCode run_in(comm::World& world, Log& log, run::Directory& directory,
                const train::ComputeDevice& device, const Settings& settings,
                const run::ConfigRecord& record, const run::Limits& limits) {
  const int threads = nn::set_threads(run::agree_on_threads(
      world, log, directory, settings.run.threads, limits, kSearchCheckpoint));
  const auto space = space::make_space(settings.space);
  const auto own_slots = comm::block_of(world.rank(), world.size(), settings.weights.slots);
  std::unique_ptr<Evaluator> evaluator;
  run::together(world, [&] { evaluator = make_evaluator(settings, space, own_slots); });
  const run::Identity identity = run::present_identity(world, record, evaluator->data_digest(),
                                                       evaluator->digest_without_test(), threads);
  run::shake_hands(world, identity);
  log.info(concat(evaluator->describe_data(), "; ", world.size(), " ranks, ", threads,
                  " threads each, ", identity.instruction_set, "; device: ", device.text()));
  warn_of_data(log, *evaluator);
  run::report_surroundings(log);

  const auto reducer =
      device.make_reducer(world, settings.weights.slots, settings.run.reliability.comm_timeout_s);
  std::unique_ptr<Strategy> strategy;
  run::together(world, [&] {
    if (auto* shared = evaluator->shared()) shared->make_weights(device);
    strategy = make_strategy(space, settings);
  });
  run::FaultInjector faults = run::agree_on_faults(world);
  const run::Context context{world, log, settings.run, limits, directory, identity, faults};
  SearchJob job(context, {settings, space, *evaluator, *strategy, *reducer});
  return run::drive(context, job);
}

}  // namespace

ExitCode run_search(comm::World& world, Log& log, const Settings& settings,
                    const run::ConfigRecord& record, const run::Limits& limits) {
  // A table needs no GPU.
  const bool is_trained = settings.evaluation.kind == Evaluation::shared;
  const train::ComputeDevice device(world, log, is_trained ? limits.device : run::DeviceWish::cpu,
                                    settings.supernet.precision(settings.space.kind),
                                    settings.space.kind, "supernet.precision");
  return run::in_directory(world, log, settings.run, [&](run::Directory& directory) {
    return run_in(world, log, directory, device, settings, record, limits);
  });
}

}  // namespace enas::search
