// SPDX-License-Identifier: Apache-2.0
// The only file that sees CLI11.
#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

/// What CLI11 fills before it is checked.
struct Typed {
  CommandLine line;
  std::string resume = "auto";
  std::string device = "auto";
  std::string max_time;
  std::vector<std::int64_t> seed;
  bool version = false;
  bool defaults = false;
  std::string check;
};

/// Without its description, which would be repeated after the option's type in the help.
CLI::Validator unnamed(CLI::Validator validator) { return validator.description(""); }

void add_json(CLI::App& app, Typed& typed) {
  app.add_flag("--json", typed.line.json, "Print results as JSON");
}

void add_sets(CLI::App& app, Typed& typed) {
  app.add_option("--set", typed.line.sets, "Override a key of the configuration (repeatable)")
      ->type_name("SECTION.KEY=VALUE")
      ->allow_extra_args(false);
}

void add_search_options(CLI::App& app, Typed& typed) {
  CommandLine& line = typed.line;
  app.add_option("--config", line.config_file, "Configuration of the search (TOML)")
      ->type_name("FILE");
  add_sets(app, typed);
  app.add_option("--run-dir", line.run_dir, "Run directory (default: run.dir, else runs/<config>)")
      ->type_name("DIR");
  app.add_option("--resume", typed.resume,
                 "auto: newest valid checkpoint of the run; never: start anew; PATH: this one")
      ->type_name("auto|never|PATH");
  app.add_flag("--force-resume", line.limits.force_resume,
               "Take a checkpoint although identity keys differ");
  app.add_option("--seed", typed.seed, "Same as --set run.seed=N")
      ->type_name("N")
      ->expected(1)
      ->check(unnamed(CLI::NonNegativeNumber));
  app.add_option("--max-time", typed.max_time, "Stop with a checkpoint after this wall-clock time")
      ->type_name("SECONDS|HH:MM:SS");
  app.add_option("--max-steps", line.limits.max_steps,
                 "Stop at this step, counted from the run's start")
      ->type_name("N")
      ->check(unnamed(CLI::PositiveNumber));
  app.add_option("--device", typed.device, "Where tensors live")
      ->type_name("auto|cpu|cuda")
      ->check(unnamed(CLI::IsMember({"auto", "cpu", "cuda"})));
  app.add_flag("--dry-run", line.dry_run, "Say what the search would need, and stop");
  app.add_flag("--version", typed.version, "Versions of the program and its libraries");
  add_json(app, typed);
}

void add_bench(CLI::App& app, Typed& typed) {
  BenchLine& bench = typed.line.bench;
  CLI::App* sub = app.add_subcommand("bench", "Time the steps of a search; nothing is written");
  sub->add_option("--config", typed.line.config_file, "Configuration of the search (TOML)")
      ->type_name("FILE")
      ->required();
  add_sets(*sub, typed);
  sub->add_option("--steps", bench.steps, "Steps of a repeat, each with its own child")
      ->capture_default_str()
      ->check(unnamed(CLI::Range(1, 100000)));
  sub->add_option("--repeats", bench.repeats, "Repeats, after one to warm up")
      ->capture_default_str()
      ->check(unnamed(CLI::Range(1, 100000)));
  sub->add_option("--phase", bench.phase, "What is timed")
      ->capture_default_str()
      ->type_name("weights|controller|all")
      ->check(unnamed(CLI::IsMember({"weights", "controller", "all"})));
  sub->add_flag("--reference", bench.reference,
                "Also in a second process with plain LibTorch operations, step by step in turn");
  sub->add_flag("--lockstep", bench.lockstep)->group("");  // how that process is started
  add_json(*sub, typed);
}

void add_subcommands(CLI::App& app, Typed& typed) {
  CommandLine& line = typed.line;
  CLI::App* sample = app.add_subcommand("sample", "Children from a run's controller");
  sample->add_option("--run", line.path, "Run directory, or one of its checkpoints")
      ->type_name("DIR")
      ->required();
  sample->add_option("--count", line.count, "Number of children")
      ->capture_default_str()
      ->check(unnamed(CLI::Range(1, 1000000)));
  sample->add_option("--seed", typed.seed, "Seed of the draws (default 1)")
      ->type_name("N")
      ->expected(1)
      ->check(unnamed(CLI::NonNegativeNumber));
  add_json(*sample, typed);

  CLI::App* hash = app.add_subcommand("state-hash", "Digest of all state in a checkpoint");
  hash->add_option("file", line.path, "Checkpoint")->type_name("FILE")->required();
  add_json(*hash, typed);

  CLI::App* config = app.add_subcommand("config", "The keys of a configuration");
  CLI::Option_group* what = config->add_option_group("what");
  what->add_flag("--defaults", typed.defaults,
                 "Every key with its default, as TOML (--set space.kind=... for another space)");
  what->add_option("--check", typed.check, "Name everything that is wrong with a file")
      ->type_name("FILE");
  what->add_option("--explain", line.key, "What one key means and may be")->type_name("KEY");
  what->require_option(1);
  config->add_flag("--markdown", line.markdown, "With --defaults: the page docs/config.md");
  add_sets(*config, typed);
  add_json(*config, typed);

  CLI::App* doctor =
      app.add_subcommand("doctor", "Look at MPI, binding, threads, speed, disk and versions");
  doctor->add_option("--run-dir", line.run_dir, "Folder for the write test (default: this one)")
      ->type_name("DIR");
  add_json(*doctor, typed);
  add_bench(app, typed);
  app.require_subcommand(0, 1);
}

Command chosen_command(const CLI::App& app, const Typed& typed) {
  if (typed.version) return Command::version;
  if (app.got_subcommand("sample")) return Command::sample;
  if (app.got_subcommand("state-hash")) return Command::state_hash;
  if (app.got_subcommand("doctor")) return Command::doctor;
  if (app.got_subcommand("bench")) return Command::bench;
  if (!app.got_subcommand("config")) return Command::search;
  if (typed.defaults) return Command::config_defaults;
  return typed.check.empty() ? Command::config_explain : Command::config_check;
}

void finish(Typed& typed) {
  CommandLine& line = typed.line;
  if (!typed.seed.empty()) {
    line.seed = static_cast<std::uint64_t>(typed.seed.back());
    if (line.command == Command::search) line.sets.push_back(concat("run.seed=", line.seed));
  }
  if (line.command == Command::config_check) line.config_file = typed.check;
  if (line.command != Command::search) return;
  if (line.config_file.empty()) {
    throw ConfigError("--config FILE is missing (enas_hpc --help lists what can be done)",
                      ExitCode::usage);
  }
  if (typed.device == "cuda") {
    throw ConfigError("--device cuda: this binary was built without CUDA; use --device cpu or auto",
                      ExitCode::missing_input);
  }
  if (!typed.max_time.empty()) line.limits.max_time_s = parse_duration(typed.max_time);
  if (typed.resume == "never") {
    line.limits.resume = search::ResumeMode::never;
  } else if (typed.resume != "auto") {
    line.limits.resume = search::ResumeMode::path;
    line.limits.resume_path = typed.resume;
  }
}

}  // namespace

double parse_duration(const std::string& text) {
  const auto number = [&](std::string_view part) {
    double value = -1.0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc() && end == part.data() + part.size() ? value : -1.0;
  };
  double seconds = number(text);
  if (text.size() >= 7 && std::count(text.begin(), text.end(), ':') == 2) {
    const auto first = text.find(':');
    const auto last = text.rfind(':');
    const double hours = number(std::string_view(text).substr(0, first));
    const double minutes = number(std::string_view(text).substr(first + 1, last - first - 1));
    const double rest = number(std::string_view(text).substr(last + 1));
    const bool valid = hours >= 0 && minutes >= 0 && minutes < 60 && rest >= 0 && rest < 60;
    seconds = valid ? 3600 * hours + 60 * minutes + rest : -1.0;
  }
  if (!(seconds > 0) || !std::isfinite(seconds)) {
    throw ConfigError(concat("--max-time must be seconds or HH:MM:SS, is ", text.substr(0, 80)),
                      ExitCode::usage);
  }
  return seconds;
}

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  Typed typed;
  CLI::App app("Efficient neural architecture search on MPI clusters", "enas_hpc");
  add_search_options(app, typed);
  add_subcommands(app, typed);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    typed.line.command = chosen_command(app, typed);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = &app;
    for (const CLI::App* sub : app.get_subcommands()) asked = sub;
    typed.line.command = Command::help;
    typed.line.help_text = asked->help();
  } catch (const CLI::ParseError& error) {
    throw ConfigError(concat(error.what(), " (enas_hpc --help lists what can be done)"),
                      ExitCode::usage);
  }
  finish(typed);
  return typed.line;
}

}  // namespace enas::app
