// SPDX-License-Identifier: Apache-2.0
#include "app/command/bench_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "app/command/search_command.hpp"
#include "app/machine/bench_report.hpp"
#include "app/machine/machine_speed.hpp"
#include "app/machine/placement.hpp"
#include "app/machine/reference_process.hpp"
#include "app/machine/scaling_report.hpp"
#include "app/root_task.hpp"
#include "bench/bench.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "run/together.hpp"

namespace enas::app {
namespace {

bench::Options options_of(const BenchLine& line) {
  bench::Options options;
  options.steps = line.steps;
  options.repeats = line.repeats;
  options.weights = line.phase != "controller";
  options.controller = line.phase != "weights";
  return options;
}

/// Being the second process: turns come over stdin, and nothing but the report is wanted.
void run_as_reference(comm::World& world, const Settings& settings, bench::Options options) {
  die_with_parent();
  options.begin_turn = await_turn;
  options.end_turn = end_turn;
  const auto report = bench::run_bench(world, settings, options);
  print_on_root(json_text(bench_json(settings, options, report)));
}

Json warnings_json(const Settings& settings, const PlacementAdvice& advice,
                   const MachineSpeed& speed, const bench::Report& report) {
  Json warnings = Json::array();
  if (!advice.warning.empty()) warnings.push_back(advice.warning);
  if (const auto slow = precision_warning(settings); !slow.empty()) warnings.push_back(slow);
  if (const auto slow = slow_products_advice(speed); !slow.empty()) warnings.push_back(slow);
  if (report.weight.bad_steps > 0) {
    warnings.push_back(concat(report.weight.bad_steps,
                              " steps had no finite loss and updated nothing; lower weights.lr"));
  }
  return warnings;
}

void run_scaling_command(comm::World& world, const Settings& settings, const CommandLine& line,
                         const train::ComputeDevice& device) {
  if (line.bench.reference) {
    throw ConfigError("bench times either --scaling or --reference", ExitCode::usage);
  }
  bench::ScalingOptions options = line.bench.model;
  options.device = device;
  options.steps = line.bench.steps;
  options.repeats = line.bench.repeats;
  const auto report = bench::run_scaling(world, settings, options);
  run::on_root(world, [&] {
    const Json json = scaling_json(settings, options, report);
    print_on_root(line.json ? json_text(json, 2) + "\n" : scaling_text(json));
  });
}

}  // namespace

void run_bench_command(comm::World& world, Log& log, const CommandLine& line) {
  // There is nothing to save: a signal ends it at once.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_DFL);
  const Settings settings = load_config(world, log, line).settings;
  check_trainable(settings);
  check_ranks(settings, world.size());
  bench::Options options = options_of(line.bench);
  // The other process is the reference of CPU kernels.
  const bool is_compared = line.bench.lockstep || line.bench.reference;
  options.device = {world,
                    log,
                    is_compared ? run::DeviceWish::cpu : line.bench.device,
                    settings.supernet.precision(settings.space.kind),
                    settings.space.kind,
                    "supernet.precision"};
  if (line.bench.lockstep) return run_as_reference(world, settings, options);
  if (line.bench.scaling) return run_scaling_command(world, settings, line, options.device);
  if (line.bench.reference && world.size() > 1) {
    throw ConfigError(concat("bench --reference compares two processes in turn, not ", world.size(),
                             " ranks: start one process, with run.threads set"),
                      ExitCode::usage);
  }
  const int threads = settings.run.threads;
  const auto advice = placement_advice(gather_placement(world), threads,
                                       static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  if (!line.json && !advice.hint.empty()) log.info(concat("hint: ", advice.hint));

  std::unique_ptr<ReferenceProcess> reference;
  const double peak_before = measure_register_peak(world, threads);
  if (line.bench.reference) {
    reference = std::make_unique<ReferenceProcess>(line, settings);
    options.end_turn = [&] { reference->take_turn(); };
  }
  const auto report = bench::run_bench(world, settings, options);
  Json json = bench_json(settings, options, report);
  if (reference) json["reference"] = reference->report();
  // After the search's memory was looked at, and once the other process is quiet.
  MachineSpeed speed = measure_machine(world, threads);
  speed.register_peak = std::max(speed.register_peak, peak_before);

  add_rates(json, speed.register_peak);
  json["machine"] = machine_json(speed);
  if (reference) {
    add_rates(json["reference"], speed.register_peak);
    json["comparison"] = comparison_json(json, json["reference"]);
  }
  json["warnings"] = warnings_json(settings, advice, speed, report);
  run::on_root(world,
               [&] { print_on_root(line.json ? json_text(json, 2) + "\n" : bench_text(json)); });
}

}  // namespace enas::app
