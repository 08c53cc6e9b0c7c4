// SPDX-License-Identifier: Apache-2.0
#include "app/application.hpp"

#include <sstream>

#include "app/command/arch_command.hpp"
#include "app/command/bench_command.hpp"
#include "app/command/doctor.hpp"
#include "app/command/result_commands.hpp"
#include "app/command/search_command.hpp"
#include "app/command_line.hpp"
#include "app/config/config_text.hpp"
#include "app/config/reference_page.hpp"
#include "app/config/toml_reader.hpp"
#include "app/machine/instruction_set.hpp"
#include "app/root_task.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "run/checkpoint_choice.hpp"
#include "run/together.hpp"
#include "search/search.hpp"
#include "search/search_state.hpp"

namespace enas::app {
namespace {

/// Rank 0's, since an early end of one rank alone would leave the others waiting.
std::vector<std::string> broadcast_arguments(comm::World& world,
                                             const std::vector<std::string>& arguments) {
  std::string packed;
  for (const auto& argument : arguments) packed += argument + '\0';
  std::vector<std::string> all;
  std::istringstream unpacked(world.broadcast_text(packed));
  for (std::string argument; std::getline(unpacked, argument, '\0');) all.push_back(argument);
  return all;
}

void sample_on_root(Log& log, const CommandLine& line) {
  nn::set_threads(1);  // the same children wherever it is asked
  const auto chosen = run::choose_checkpoint(line.path, std::vector{search::kSearchCheckpoint});
  if (!chosen.warning.empty()) log.warn(chosen.warning);
  const auto& checkpoint = chosen.path;
  const Config config =
      read_config(search::stored_configuration(checkpoint), "the stored configuration", {});
  const auto children = search::sample_children(checkpoint, config.settings, line.count, line.seed);
  if (line.json) {
    Json list = Json::array();
    for (const auto& child : children) {
      list.push_back({{"tokens", child.tokens},
                      {"log_probability", child.log_probability},
                      {"architecture", child.json}});
    }
    return print_on_root(json_text(list, 2) + "\n");
  }
  std::string text;
  for (const auto& child : children) {
    text += concat(fixed(child.log_probability, 4), "  ", child.text, "\n");
  }
  log.info("children of " + checkpoint.string());
  print_on_root(text);
}

void print_state_hash_on_root(Log& log, const CommandLine& line) {
  const auto chosen = run::choose_checkpoint(line.path, search::checkpoint_kinds());
  if (!chosen.warning.empty()) log.warn(chosen.warning);
  const std::string hash = search::state_hash(chosen.path);
  if (line.json) {
    const Json json = {{"file", chosen.path.string()}, {"state_hash", hash}};
    return print_on_root(json_text(json) + "\n");
  }
  // As tools for checksums do, where it is not the file that was asked for.
  print_on_root(chosen.path == line.path ? hash + "\n"
                                         : concat(hash, "  ", chosen.path.string(), "\n"));
}

void print_defaults_on_root(const CommandLine& line) {
  if (line.markdown) return print_on_root(reference_markdown());
  print_on_root(line.json ? json_text(schema_json(), 2) + "\n"
                          : defaults_toml(scope_of_sets(line.sets)));
}

void check_config_on_root(Log& log, const CommandLine& line) {
  const std::string name = line.config_file.string();
  const auto report = [&](bool valid, const std::vector<std::string>& problems,
                          const std::vector<std::string>& warnings) {
    const Json json = {
        {"file", name}, {"valid", valid}, {"problems", problems}, {"warnings", warnings}};
    if (line.json) print_on_root(json_text(json, 2) + "\n");
  };
  try {
    const Config config = read_config(read_config_text(line.config_file), name, line.sets);
    report(true, {}, config.warnings);
    if (line.json) return;
    for (const auto& warning : config.warnings) log.warn(warning);
    print_on_root(concat(name, ": valid, ", config.num_keys_set, " keys set, space \"",
                         name_of(config.settings.space.kind), "\", preset \"", config.preset,
                         "\"\n"));
  } catch (const ConfigProblems& error) {
    report(false, error.problems(), {});
    throw;
  } catch (const Error& error) {
    report(false, {error.what()}, {});
    throw;
  }
}

void explain_on_root(const CommandLine& line) {
  print_on_root(line.json ? json_text(explain_json(line.key), 2) + "\n" : explain(line.key));
}

/// Collective. The run directory that `asked` means, as rank 0 sees it.
std::filesystem::path run_directory_of(comm::World& world, const std::filesystem::path& asked) {
  std::string run;
  run::on_root(world, [&] { run = run::run_directory_of(asked).string(); });
  return world.broadcast_text(run);
}

}  // namespace

ExitCode run_application(comm::World& world, Log& log, const std::vector<std::string>& arguments) {
  run::together(world, limit_instruction_set);  // each rank has an environment of its own
  CommandLine line = parse_command_line(broadcast_arguments(world, arguments));
  auto& run = line.result.run;
  if (!run.empty()) run = run_directory_of(world, run);
  switch (line.command) {
    case Command::search:
      return run_search_command(world, log, line);
    case Command::help:
      run::on_root(world, [&] { print_on_root(line.help_text); });
      break;
    case Command::version:
      print_versions(world, line.json);
      break;
    case Command::doctor:
      run_doctor(world, line.run_dir.empty() ? "." : line.run_dir, line.json);
      break;
    case Command::bench:
      run_bench_command(world, log, line);
      break;
    case Command::arch:
      run::on_root(world, [&] { run_arch_on_root(log, line.arch, line.json); });
      break;
    case Command::derive:
      run_derive_command(world, log, line);
      break;
    case Command::train:
      return run_train_command(world, log, line);
    case Command::evaluate:
      run_evaluate_command(world, log, line);
      break;
    case Command::export_network:
      run_export_command(world, log, line);
      break;
    case Command::pipeline:
      return run_pipeline_command(world, log, line);
    case Command::sample:
      run::on_root(world, [&] { sample_on_root(log, line); });
      break;
    case Command::state_hash:
      run::on_root(world, [&] { print_state_hash_on_root(log, line); });
      break;
    case Command::config_defaults:
      run::on_root(world, [&] { print_defaults_on_root(line); });
      break;
    case Command::config_check:
      run::on_root(world, [&] { check_config_on_root(log, line); });
      break;
    case Command::config_explain:
      run::on_root(world, [&] { explain_on_root(line); });
      break;
  }
  return ExitCode::success;
}

ExitCode run_and_report(comm::World& world, const std::vector<std::string>& arguments) {
  Log log(world.rank());
  const auto report_once = [&](const Error& error) {
    if (!world.is_root()) return error.code();
    // A stop that was asked for is no error; stdout is for results.
    if (error.code() == ExitCode::checkpointed) {
      log.warn(error.what());
    } else {
      log.error(error.what());
    }
    return error.code();
  };
  ExitCode code = ExitCode::internal;
  try {
    return run_application(world, log, arguments);
  } catch (const SystemError& error) {
    log.error(error.what());
    code = error.code();
  } catch (const ContractError& error) {
    log.error(error.what());
  } catch (const Error& error) {
    return report_once(error);
  } catch (const std::exception&) {
    const run::Failure failure = run::failure_in_flight();
    log.error(failure.message);
    code = failure.code;
  }
  world.abort(code);
}

}  // namespace enas::app
