// SPDX-License-Identifier: Apache-2.0
#include "app/command/search_command.hpp"

#include <unistd.h>

#include <cstdlib>

#include "app/config/config_text.hpp"
#include "app/config/toml_reader.hpp"
#include "app/machine/placement.hpp"
#include "app/root_task.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "nn/kernel/product.hpp"
#include "run/together.hpp"
#include "search/search.hpp"

namespace enas::app {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Json estimate_json(const search::Estimate& estimate) {
  Json json;
  json["data"] = estimate.data;
  json["warnings"] = estimate.warnings;
  json["space_size"] = estimate.space_size;
  json["paper_space_size"] = estimate.paper_space_size;
  json["max_entropy_nats"] = estimate.max_entropy_nats;
  json["supernet_parameters"] = estimate.supernet_parameters;
  json["controller_parameters"] = estimate.controller_parameters;
  json["child_parameters"] = estimate.child_parameters;
  json["union_parameters"] = estimate.union_parameters;
  json["weight_steps_per_round"] = estimate.weight_steps_per_round;
  json["controller_steps_per_round"] = estimate.controller_steps_per_round;
  json["total_steps"] = estimate.total_steps;
  json["bytes_reduced_per_step"] = estimate.bytes_reduced_per_step;
  json["memory_per_rank_bytes"] = estimate.memory_per_rank_bytes;
  json["checkpoint_bytes"] = estimate.checkpoint_bytes;
  return json;
}

std::string estimate_text(const search::Estimate& estimate) {
  const std::string& paper = estimate.paper_space_size;
  return concat(
      "data: ", estimate.data, "\nspace size: ", estimate.space_size,
      paper.empty() ? "" : concat(" (the paper's count: ", paper, ")"), ", at most ",
      fixed(estimate.max_entropy_nats, 3), " nats\nsupernet: ", estimate.supernet_parameters,
      " parameters; a child ", fixed(estimate.child_parameters, 0), ", the union of a step ",
      fixed(estimate.union_parameters, 0), "\ncontroller: ", estimate.controller_parameters,
      " parameters\nsteps: ", estimate.weight_steps_per_round, " weight + ",
      estimate.controller_steps_per_round, " controller a round, ", estimate.total_steps,
      " in all\nreduced in a weight step: ", human_bytes(estimate.bytes_reduced_per_step),
      "\nmemory of a rank: ", human_bytes(estimate.memory_per_rank_bytes),
      "\ncheckpoint: ", human_bytes(estimate.checkpoint_bytes), "\n");
}

void print_estimate(comm::World& world, Log& log, const Settings& settings, bool json) {
  run::on_root(world, [&] {
    const auto estimate = search::estimate(settings, world.size());
    for (const std::string& warning : estimate.warnings) log.warn(warning);
    print_on_root(json ? json_text(estimate_json(estimate), 2) + "\n" : estimate_text(estimate));
  });
}

Json json_file(const std::filesystem::path& file) {
  constexpr std::size_t kMaxBytes = 16 << 20;
  if (!std::filesystem::exists(file)) return nullptr;
  return Json::parse(io::read_text(file, kMaxBytes));
}

}  // namespace

void print_result(comm::World& world, const std::string& run_dir, ExitCode code) {
  run::on_root(world, [&] {
    Json json;
    json["exit_code"] = static_cast<int>(code);
    json["run_dir"] = run_dir;
    json["status"] = json_file(std::filesystem::path(run_dir) / "status.json");
    json["best"] = json_file(std::filesystem::path(run_dir) / "best.json");
    print_on_root(json_text(json) + "\n");
  });
}

Config load_config(comm::World& world, Log& log, const CommandLine& line) {
  std::string text;
  run::on_root(world, [&] { text = read_config_text(line.config_file); });
  text = world.broadcast_text(text);
  const std::string omp_threads = world.broadcast_text(environment("OMP_NUM_THREADS"));
  Config config = read_config(text, line.config_file.string(), line.sets);
  for (const auto& warning : config.warnings) log.warn(warning);
  auto& run = config.settings.run;
  run.threads = threads_in_force(run.threads, omp_threads);
  if (!line.run_dir.empty()) run.dir = line.run_dir;
  if (run.dir.empty()) run.dir = concat("runs/", line.config_file.stem().string());
  return config;
}

std::string precision_warning(const Settings& settings) {
  if (settings.space.kind != space::SpaceKind::recurrent) return "";
  return nn::precision_problem(settings.supernet.recurrent.precision);
}

ExitCode run_search_command(comm::World& world, Log& log, const CommandLine& line) {
  const Config config = load_config(world, log, line);
  const Settings& settings = config.settings;
  check_ranks(settings, world.size());
  if (const auto slow = precision_warning(settings); !slow.empty()) log.warn(slow);
  if (line.dry_run) {
    print_estimate(world, log, settings, line.json);
    return ExitCode::success;
  }
  const auto cores_of_node = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  const PlacementAdvice advice =
      placement_advice(gather_placement(world), settings.run.threads, cores_of_node);
  if (!advice.hint.empty()) log.info(concat("hint: ", advice.hint));
  if (!advice.warning.empty()) log.warn(advice.warning);

  run::Limits limits = line.limits;
  limits.threads_explicit = config.threads_by_option;
  const auto record = config_record(settings, config.preset);
  const ExitCode code = search::run_search(world, log, settings, record, limits);
  if (line.json) print_result(world, settings.run.dir, code);
  return code;
}

}  // namespace enas::app
