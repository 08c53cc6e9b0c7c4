// SPDX-License-Identifier: Apache-2.0
#include "app/command/result_commands.hpp"

#include <algorithm>
#include <functional>

#include "app/command/search_command.hpp"
#include "app/config/config.hpp"
#include "app/config/config_text.hpp"
#include "app/config/schema.hpp"
#include "app/root_task.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "run/checkpoint_choice.hpp"
#include "run/together.hpp"
#include "search/search.hpp"
#include "search/search_state.hpp"
#include "space/space_options.hpp"
#include "train/trained.hpp"
#include "train/training.hpp"

namespace enas::app {
namespace {

constexpr const char* kStoredName = "the stored configuration";

/// What a run left about how it was made.
struct StoredConfiguration {
  std::string text;
  std::string start_folder;  ///< where its relative paths begin
};

StoredConfiguration stored_in(const run::CheckpointReader& reader) {
  return {reader.identity().config.toml, run::folder_of_start(reader.image())};
}

StoredConfiguration of_search(const std::filesystem::path& run) {
  return stored_in({search::newest_checkpoint(run), search::kSearchCheckpoint});
}

StoredConfiguration of_training(const std::filesystem::path& run) {
  return stored_in(train::newest_training_checkpoint(run));
}

/// Options that name the configuration's files by paths that lead there from the present folder.
std::vector<std::string> paths_from_here(const StoredConfiguration& stored) {
  namespace fs = std::filesystem;
  const Config config = read_config(stored.text, kStoredName, {});
  std::vector<std::string> sets;
  for (const char* name : {"data.path", "evaluation.table"}) {
    const Key* key = find_key(name);
    if (!key->belongs_to(scope_of(config.settings))) continue;
    const fs::path path = std::get<std::string>(key->value_in(config.settings));
    const fs::path full = fs::path(stored.start_folder) / path;
    std::error_code error;
    const bool leads_elsewhere = !path.empty() && full != path && fs::exists(full, error) &&
                                 !fs::equivalent(full, path, error);
    if (leads_elsewhere) sets.push_back(concat(name, "=", toml_text(full.string())));
  }
  return sets;
}

/// A configuration that a run was made under, with `sets` on top; alike on every rank.
Config stored_config(comm::World& world, const std::vector<std::string>& sets,
                     const std::function<StoredConfiguration()>& stored_on_root) {
  std::string text;
  std::string paths;
  run::on_root(world, [&] {
    const StoredConfiguration stored = stored_on_root();
    text = stored.text;
    paths = json_text(Json(paths_from_here(stored)));
  });
  text = world.broadcast_text(text);
  auto all = Json::parse(world.broadcast_text(paths)).get<std::vector<std::string>>();
  all.insert(all.end(), sets.begin(), sets.end());
  return read_config(text, kStoredName, all);
}

Json ranking_json(const search::Ranking& ranking) {
  Json list = Json::array();
  for (const auto& file : ranking.top) list.push_back(space::architecture_json(file));
  return {{"folder", ranking.folder.string()},
          {"step", ranking.step},
          {"scored_on", ranking.scored_on},
          {"different_children", ranking.children.size()},
          {"minibatch_kendall_tau", ranking.kendall_tau},
          {"minibatch_winner_rank", ranking.minibatch_winner},
          {"top", std::move(list)}};
}

std::string ranking_text(const search::Ranking& ranking, const Settings& settings) {
  const bool text = !space::is_of_images(settings.space.kind);
  std::string out;
  for (std::size_t i = 0; i < ranking.top.size(); ++i) {
    const auto& child = ranking.children[i];
    out += concat(i + 1, "  ",
                  text ? fixed(child.metric, 2) : concat(fixed(100.0 * child.metric, 2), " %"),
                  "  log p ", fixed(child.log_probability, 2), "  ",
                  child.parameters > 0 ? concat(child.parameters, " parameters  ") : "",
                  space::describe(settings.space, child.architecture).text, "\n");
  }
  return out + concat("scored on: ", ranking.scored_on,
                      "\none minibatch instead of the whole split: Kendall tau ",
                      fixed(ranking.kendall_tau, 3), ", its winner is ", ranking.minibatch_winner,
                      " of ", ranking.children.size(), "\nfiles: ", ranking.folder.string(), "\n");
}

/// The architecture to be trained, and where.
struct Assignment {
  space::ArchitectureFile architecture;
  std::string name;  ///< of the run directory when none is given
};

Assignment assignment_of(comm::World& world, const ResultLine& line) {
  std::string text;
  std::string name;
  run::on_root(world, [&] {
    const std::string source =
        line.arch.empty() ? (line.run / "derived" / "best.json").string() : line.arch;
    try {
      const auto file = space::load_architecture(source);
      text = space::architecture_text(file);
    } catch (const InputError& error) {
      if (!line.arch.empty()) throw;
      throw InputError(
          concat(error.what(), "\nenas_hpc derive --run ", line.run.string(), " writes it"),
          error.code());
    }
    name = std::filesystem::path(source).stem().string();
  });
  text = world.broadcast_text(text);
  return {space::architecture_from_json(Json::parse(text), "the architecture"),
          world.broadcast_text(name)};
}

}  // namespace

void run_derive_command(comm::World& world, Log& talking, const CommandLine& line) {
  Log silent = Log::errors_only(world.rank());
  Log& log = line.json ? silent : talking;
  const Config config = stored_config(world, line.sets, [&] { return of_search(line.result.run); });
  const auto ranking =
      search::derive(world, log, config.settings, training_settings(config.settings),
                     config_record(config.settings, config.preset), line.result.run,
                     line.result.derive, line.limits);
  run::on_root(world, [&] {
    print_on_root(line.json ? json_text(ranking_json(ranking), 2) + "\n"
                            : ranking_text(ranking, config.settings));
  });
}

ExitCode run_train_command(comm::World& world, Log& log, const CommandLine& line) {
  const ResultLine& result = line.result;
  const Assignment assignment = assignment_of(world, result);
  const bool stored = line.config_file.empty();
  Config config = stored ? stored_config(world, line.sets, [&] { return of_search(result.run); })
                         : load_config(world, log, line);
  Settings& settings = config.settings;
  const bool is_set = std::any_of(line.sets.begin(), line.sets.end(), [](const std::string& set) {
    return set.starts_with("run.dir=");
  });
  if (!line.run_dir.empty()) {
    settings.run.dir = line.run_dir;
  } else if (!is_set) {
    settings.run.dir = result.run.empty() ? concat("runs/train-", assignment.name)
                                          : (result.run / "train" / assignment.name).string();
  }
  check_trainable(settings);
  check_training_ranks(settings, world.size());
  run::Limits limits = line.limits;
  limits.threads_explicit = config.threads_by_option;
  const ExitCode code =
      train::run_training(world, log, training_settings(settings), assignment.architecture,
                          training_record(settings, config.preset), limits);
  if (line.json) print_result(world, settings.run.dir, code);
  return code;
}

void run_evaluate_command(comm::World& world, Log& talking, const CommandLine& line) {
  Log silent = Log::errors_only(world.rank());
  Log& log = line.json ? silent : talking;
  const Config config =
      stored_config(world, line.sets, [&] { return of_training(line.result.run); });
  const Json json = train::evaluate(world, log, training_settings(config.settings),
                                    training_record(config.settings, config.preset),
                                    line.result.run, line.result.again, line.limits);
  run::on_root(world, [&] {
    print_on_root(line.json ? json_text(json, 2) + "\n" : json_text(json["metrics"], 2) + "\n");
  });
}

void run_export_command(comm::World& world, Log& log, const CommandLine& line) {
  const ResultLine& result = line.result;
  const Config config = stored_config(world, line.sets, [&] { return of_training(result.run); });
  run::on_root(world, [&] {
    train::export_pytorch(log, training_settings(config.settings), result.run, result.out);
  });
  log.info(concat("written: ", result.out.string(), " (python model.py there tries it)"));
}

}  // namespace enas::app
