// SPDX-License-Identifier: Apache-2.0
// Search, derive, train, evaluate: every stage knows what of it is done already, so a stopped
// pipeline goes on where it was.
#include <algorithm>
#include <filesystem>

#include "app/command/pipeline_report.hpp"
#include "app/command/result_commands.hpp"
#include "app/command/search_command.hpp"
#include "app/config/config.hpp"
#include "app/config/config_text.hpp"
#include "app/root_task.hpp"
#include "core/clock.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "run/directory.hpp"
#include "run/together.hpp"
#include "search/search.hpp"
#include "train/training.hpp"

namespace enas::app {
namespace {

/// A training of what an earlier derivation ranked here is kept under another name.
void set_other_training_aside(const std::filesystem::path& folder,
                              const space::ArchitectureFile& wanted) {
  constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
  const auto file = folder / "architecture.json";
  if (!std::filesystem::exists(file)) return;
  if (io::read_text(file, kMaxBytes) == space::architecture_text(wanted)) return;
  for (int number = 1;; ++number) {
    const std::filesystem::path aside = concat(folder.string(), ".stale-", number);
    if (std::filesystem::exists(aside)) continue;
    return std::filesystem::rename(folder, aside);
  }
}

/// Where the child of this rank is trained.
std::filesystem::path training_folder(const std::filesystem::path& run, int rank) {
  return run / "train" / concat("top-", rank);
}

/// One search with all that follows from it.
class Branch {
 public:
  Branch(comm::World& world, Log& log, const CommandLine& line, const Config& config,
         Settings settings)
      : world_(world), log_(log), line_(line), config_(config), settings_(std::move(settings)) {}

  /// success, or checkpointed when a stage was asked to stop.
  ExitCode run(const Stopwatch& watch, std::vector<PipelineResult>& results) {
    const ExitCode searched = search::run_search(
        world_, log_, settings_, config_record(settings_, config_.preset), limits(watch));
    if (searched != ExitCode::success) return searched;
    const auto ranking = search::derive_once(world_, log_, settings_, training_settings(settings_),
                                             config_record(settings_, config_.preset),
                                             settings_.run.dir, line_.result.derive, limits(watch));
    for (std::size_t i = 0; i < ranking.size(); ++i) {
      const ExitCode trained = train(ranking[i], static_cast<int>(i) + 1, watch, results);
      if (trained != ExitCode::success) return trained;
    }
    return ExitCode::success;
  }

 private:
  ExitCode train(const space::ArchitectureFile& file, int rank, const Stopwatch& watch,
                 std::vector<PipelineResult>& results) {
    Settings settings = settings_;
    settings.run.dir = training_folder(settings_.run.dir, rank).string();
    run::on_root(world_, [&] { set_other_training_aside(settings.run.dir, file); });
    const auto record = training_record(settings, config_.preset);
    const ExitCode code =
        train::run_training(world_, log_, training_settings(settings), file, record, limits(watch));
    if (code != ExitCode::success) return code;
    const Json json = train::evaluate(world_, log_, training_settings(settings), record,
                                      settings.run.dir, false, limits(watch));
    const Json& metrics = json["metrics"];
    const std::string metric = metrics["validation"].begin().key();
    results.push_back({name_of_strategy(), settings.run.seed, rank,
                       file.metrics[metric].get<double>(),
                       metrics["validation"][metric].get<double>(),
                       metrics["test"][metric].get<double>(), settings.run.dir, false});
    return ExitCode::success;
  }

  std::string name_of_strategy() const { return search::name_of(settings_.strategy); }

  /// What is left of the time for the next stage.
  run::Limits limits(const Stopwatch& watch) const {
    run::Limits limits = line_.limits;
    limits.pipeline = config_.settings.run.dir;
    limits.threads_explicit = config_.threads_by_option;
    if (limits.max_time_s > 0.0) {
      limits.max_time_s = std::max(1e-3, limits.max_time_s - watch.seconds());
    }
    return limits;
  }

  comm::World& world_;
  Log& log_;
  const CommandLine& line_;
  const Config& config_;
  Settings settings_;
};

std::vector<Settings> branches_of(const Settings& settings, const ResultLine& line) {
  std::vector<Settings> branches;
  const bool many = line.seeds.size() > 1;
  std::vector<std::int64_t> seeds = line.seeds;
  if (seeds.empty()) seeds.push_back(static_cast<std::int64_t>(settings.run.seed));
  for (const std::int64_t seed : seeds) {
    Settings branch = settings;
    branch.run.seed = static_cast<std::uint64_t>(seed);
    std::filesystem::path folder = settings.run.dir;
    if (many) folder /= concat("seed-", seed);
    branch.run.dir = folder.string();
    branches.push_back(branch);
    if (!line.with_baseline) continue;
    branch.strategy = search::StrategyKind::random;
    branch.run.dir = (folder / "random").string();
    branches.push_back(std::move(branch));
  }
  return branches;
}

/// The folder of several seeds holds no run itself, but pipeline.json is written there.
void refuse_foreign_table(const std::filesystem::path& folder,
                          const std::vector<Settings>& branches) {
  const bool is_begun = std::ranges::any_of(branches, [](const Settings& branch) {
    std::error_code unreadable;
    return std::filesystem::exists(std::filesystem::path(branch.run.dir) / "run.lock", unreadable);
  });
  if (!is_begun) run::refuse_foreign_files(folder);
}

/// Throws ConfigError where a later stage could not write what it has worked for.
void check_outputs_on_root(const Settings& settings, const std::vector<Settings>& branches,
                           int top) {
  io::probe_output(std::filesystem::path(settings.run.dir) / "pipeline.json");
  for (const Settings& branch : branches) {
    const std::filesystem::path run = branch.run.dir;
    io::probe_output(run / "checkpoints" / "latest");
    io::probe_output(run / "derived" / "ranking.h5");
    for (int rank = 1; rank <= top; ++rank) {
      io::probe_output(training_folder(run, rank) / "test.json");
    }
  }
}

}  // namespace

ExitCode run_pipeline_command(comm::World& world, Log& talking, const CommandLine& line) {
  Log silent = Log::errors_only(world.rank());
  Log& log = line.json ? silent : talking;
  if (line.limits.max_steps > 0 || line.limits.resume != run::ResumeMode::automatic) {
    throw ConfigError(
        "--max-steps and --resume are for one search or training; a pipeline goes on "
        "by itself where it was",
        ExitCode::usage);
  }
  const Config config = load_config(world, log, line);
  check_trainable(config.settings);
  check_ranks(config.settings, world.size());
  check_training_ranks(config.settings, world.size());
  const std::vector<Settings> branches = branches_of(config.settings, line.result);
  const Stopwatch watch;
  run::on_root(world, [&] {
    refuse_foreign_table(config.settings.run.dir, branches);
    check_outputs_on_root(config.settings, branches, line.result.derive.top);
  });
  train::check_trainings(world, log, training_settings(config.settings),
                         search::any_child(config.settings), line.limits);
  std::vector<PipelineResult> results;
  for (const Settings& settings : branches) {
    const ExitCode code = Branch(world, log, line, config, settings).run(watch, results);
    if (code != ExitCode::success) return code;
  }
  run::on_root(world, [&] {
    const bool is_text = config.settings.space.kind == space::SpaceKind::recurrent;
    mark_best_of_seeds(results, !is_text);
    const Json json = results_json(results);
    io::write_durable(std::filesystem::path(config.settings.run.dir) / "pipeline.json",
                      json_text(json, 2) + "\n");
    print_on_root(line.json ? json_text(json, 2) + "\n" : results_text(results, is_text));
  });
  return ExitCode::success;
}

}  // namespace enas::app
