// SPDX-License-Identifier: Apache-2.0
// The command line as CLI11 reads it.
#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "app/command/number_option.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"

namespace enas::app {
namespace {

/// What CLI11 fills before it is checked.
struct Typed {
  CommandLine line;
  std::string resume = "auto";
  std::string max_time;
  std::vector<std::int64_t> seed;
  std::string preset = "default";
  std::string form;
  int top = 3;
  bool version = false;
  bool defaults = false;
  std::string check;
};

void add_json(CLI::App& app, Typed& typed) {
  app.add_flag("--json", typed.line.json, "Print results as JSON");
}

void add_sets(CLI::App& app, Typed& typed) {
  app.add_option("--set", typed.line.sets, "Override a key of the configuration (repeatable)")
      ->type_name("SECTION.KEY=VALUE")
      ->allow_extra_args(false);
}

void add_device(CLI::App& app, run::DeviceWish& device) {
  using run::DeviceWish;
  const std::map<std::string, run::DeviceWish> wishes = {{"auto", run::DeviceWish::automatic},
                                                         {"cpu", run::DeviceWish::cpu},
                                                         {"cuda", run::DeviceWish::cuda}};
  app.add_option("--device", device,
                 "Where networks are computed: auto takes GPUs when every rank has one")
      ->type_name("auto|cpu|cuda")
      ->transform(unnamed(CLI::Transformer(wishes)))
      ->option_text("auto|cpu|cuda");
}

void add_max_time(CLI::App& app, Typed& typed, const char* what_stops) {
  app.add_option("--max-time", typed.max_time,
                 concat("Stop ", what_stops,
                        " after this wall-clock time (default: in time for the end of the Slurm "
                        "job, where SLURM_JOB_END_TIME is set)"))
      ->type_name("SECONDS|HH:MM:SS");
}

/// What every command that works in a run directory takes.
void add_run_options(CLI::App& app, Typed& typed) {
  CommandLine& line = typed.line;
  app.add_option("--config", line.config_file, "Configuration (TOML)")->type_name("FILE");
  add_sets(app, typed);
  app.add_option("--run-dir", line.run_dir, "Run directory (default: run.dir, else runs/<config>)")
      ->type_name("DIR")
      ->check(not_empty());
  app.add_option("--resume", typed.resume,
                 "auto: newest valid checkpoint of the run; never: start anew; PATH: this one, or "
                 "the newest of another run directory")
      ->type_name("auto|never|PATH");
  app.add_flag("--force-resume", line.limits.force_resume,
               "Take a checkpoint although identity keys differ");
  app.add_option("--seed", typed.seed, "Same as --set run.seed=N")
      ->type_name("N")
      ->expected(1)
      ->transform(whole(at_least(0)));
  add_max_time(app, typed, "with a checkpoint");
  app.add_option("--max-steps", line.limits.max_steps,
                 "Stop at this step, counted from the run's start")
      ->type_name("N")
      ->transform(whole(at_least(1)));
  add_device(app, line.limits.device);
  add_json(app, typed);
}

void add_search_options(CLI::App& app, Typed& typed) {
  add_run_options(app, typed);
  app.add_flag("--dry-run", typed.line.dry_run, "Say what the search would need, and stop");
  app.add_flag("--version", typed.version, "Versions of the program and its libraries");
}

void add_samples(CLI::App& app, search::DeriveOptions& derive) {
  app.add_option("--samples", derive.samples, "Children sampled")
      ->capture_default_str()
      ->transform(whole(between(1, 10000)));
}

void add_results(CLI::App& app, Typed& typed) {
  ResultLine& result = typed.line.result;
  CLI::App* derive = app.add_subcommand("derive", "The best architectures of a search");
  derive->add_option("--run", result.run, "Run directory of a search")
      ->type_name("DIR")
      ->required();
  add_samples(*derive, result.derive);
  derive->add_option("--top", result.derive.top, "Architectures written as files")
      ->capture_default_str()
      ->transform(whole(between(1, 1000000)));
  derive->add_flag("--uniform", result.derive.uniform,
                   "Draw from the uniform distribution instead: the baseline");
  derive
      ->add_option("--preset", typed.preset,
                   "paper: rank by one validation minibatch (default: by the whole split)")
      ->type_name("default|paper")
      ->check(unnamed(CLI::IsMember({"default", "paper"})));
  add_max_time(*derive, typed, "with nothing written");
  add_sets(*derive, typed);
  add_json(*derive, typed);

  CLI::App* train = app.add_subcommand("train", "Train one architecture from scratch");
  auto* arch = train->add_option("--arch", result.arch, "An architecture: file or shipped name")
                   ->type_name("FILE|NAME");
  train->add_option("--run", result.run, "Run directory of a search: its best architecture")
      ->type_name("DIR")
      ->excludes(arch);
  add_run_options(*train, typed);

  CLI::App* evaluate =
      app.add_subcommand("evaluate", "Score a finished training on the test split, once");
  evaluate->add_option("--run", result.run, "Run directory of a training")
      ->type_name("DIR")
      ->required();
  evaluate->add_flag("--again", result.again, "Although there is a result already");
  add_max_time(*evaluate, typed, "with nothing written");
  add_sets(*evaluate, typed);
  add_json(*evaluate, typed);

  CLI::App* exports = app.add_subcommand("export", "A trained network for PyTorch");
  exports->add_option("--run", result.run, "Run directory of a training")
      ->type_name("DIR")
      ->required();
  exports->add_option("--to", typed.form, "Form")
      ->type_name("pytorch")
      ->required()
      ->check(unnamed(CLI::IsMember({"pytorch"})));
  exports->add_option("out", result.out, "Folder to be written")->type_name("OUT")->required();

  CLI::App* pipeline =
      app.add_subcommand("pipeline", "Search, derive, train the best from scratch, evaluate");
  add_run_options(*pipeline, typed);
  add_samples(*pipeline, result.derive);
  pipeline->add_option("--top", typed.top, "Architectures trained from scratch")
      ->capture_default_str()
      ->transform(whole(between(1, 1000)));
  pipeline->add_flag("--with-baseline", result.with_baseline,
                     "Also with uniform draws in the place of the controller, same budget");
  pipeline->add_option("--seeds", result.seeds, "Repeat all of it with these seeds")
      ->delimiter(',')
      ->type_name("N,N,...")
      ->transform(whole(at_least(0)));
}

/// Of `bench --scaling`.
void add_scaling(CLI::App& bench, BenchLine& line) {
  bench::ScalingOptions& model = line.model;
  bench.add_flag("--scaling", line.scaling,
                 "Weight steps on 1, 2, 4, ... of the ranks, and a model of more");
  bench.add_option("--predict", model.predict, "Numbers of ranks that the model is asked for")
      ->delimiter(',')
      ->capture_default_str()
      ->type_name("P,...")
      ->transform(whole(between(1, 1000000)));
  bench.add_option("--slots-per-rank", model.slots_per_rank, "Slots of each rank there")
      ->capture_default_str()
      ->transform(whole(between(1, 10000)));
  bench.add_option("--slot-s", model.slot_s, "Seconds of one slot there (default: as measured)")
      ->transform(number(above(0)));
  bench.add_option("--latency-s", model.network.latency_s, "The network's seconds a message")
      ->capture_default_str()
      ->transform(number(at_least(0)));
  bench.add_option("--bandwidth", model.network.bandwidth, "Its bytes a second from a rank")
      ->capture_default_str()
      ->transform(number(above(0)));
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
      ->transform(whole(between(1, 100000)));
  sub->add_option("--repeats", bench.repeats, "Repeats, after one to warm up")
      ->capture_default_str()
      ->transform(whole(between(1, 100000)));
  sub->add_option("--phase", bench.phase, "What is timed")
      ->capture_default_str()
      ->type_name("weights|controller|all")
      ->check(unnamed(CLI::IsMember({"weights", "controller", "all"})));
  add_device(*sub, bench.device);
  sub->add_flag("--reference", bench.reference,
                "Also in a second process with plain LibTorch operations, step by step in turn");
  add_scaling(*sub, bench);
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
      ->transform(whole(between(1, 1000000)));
  sample->add_option("--seed", typed.seed, "Seed of the draws (default 1)")
      ->type_name("N")
      ->expected(1)
      ->transform(whole(at_least(0)));
  add_json(*sample, typed);

  CLI::App* hash = app.add_subcommand("state-hash", "Digest of all state in a checkpoint");
  hash->add_option("file", line.path, "Checkpoint, or a run directory for its newest")
      ->type_name("FILE|DIR")
      ->required();
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
  add_arch(app, line.arch, line.json);
  add_results(app, typed);
  app.require_subcommand(0, 1);
}

Command chosen_command(const CLI::App& app, const Typed& typed) {
  if (typed.version) return Command::version;
  if (app.got_subcommand("sample")) return Command::sample;
  if (app.got_subcommand("state-hash")) return Command::state_hash;
  if (app.got_subcommand("doctor")) return Command::doctor;
  if (app.got_subcommand("bench")) return Command::bench;
  if (app.got_subcommand("arch")) return Command::arch;
  if (app.got_subcommand("derive")) return Command::derive;
  if (app.got_subcommand("train")) return Command::train;
  if (app.got_subcommand("evaluate")) return Command::evaluate;
  if (app.got_subcommand("pipeline")) return Command::pipeline;
  if (app.got_subcommand("export")) return Command::export_network;
  if (!app.got_subcommand("config")) return Command::search;
  if (typed.defaults) return Command::config_defaults;
  return typed.check.empty() ? Command::config_explain : Command::config_check;
}

/// So many children are drawn at most for the model of `bench --scaling`.
void check_predictions(const bench::ScalingOptions& model) {
  constexpr std::int64_t kMostSlots = 1'000'000;
  for (const int ranks : model.predict) {
    if (std::int64_t{ranks} * model.slots_per_rank <= kMostSlots) continue;
    throw ConfigError(concat("--predict ", ranks, " with --slots-per-rank ", model.slots_per_rank,
                             " is more than ", kMostSlots, " slots"),
                      ExitCode::usage);
  }
}

/// No more can be the best than were sampled. Only what was typed is a wish.
void check_top(const CLI::App& app, const Typed& typed) {
  const search::DeriveOptions& derive = typed.line.result.derive;
  for (const auto& [command, top] :
       {std::pair("derive", derive.top), std::pair("pipeline", typed.top)}) {
    const bool is_asked =
        app.got_subcommand(command) && app.get_subcommand(command)->count("--top") > 0;
    if (!is_asked || top <= derive.samples) continue;
    throw ConfigError(concat("--top (", top, ") must be at most --samples (", derive.samples, ")"),
                      ExitCode::usage);
  }
}

void finish(Typed& typed) {
  CommandLine& line = typed.line;
  check_predictions(line.bench.model);
  if (!typed.seed.empty()) {
    line.seed = static_cast<std::uint64_t>(typed.seed.back());
    if (line.command != Command::sample) line.sets.push_back(concat("run.seed=", line.seed));
  }
  if (line.command == Command::config_check) line.config_file = typed.check;
  ResultLine& result = line.result;
  result.derive.minibatch = typed.preset == "paper";
  if (line.command == Command::pipeline) result.derive.top = typed.top;
  const bool trains = line.command == Command::train;
  if (line.dry_run && line.command != Command::search) {
    throw ConfigError("--dry-run is for a search alone", ExitCode::usage);
  }
  std::set<std::int64_t> seeds(result.seeds.begin(), result.seeds.end());
  if (seeds.size() < result.seeds.size()) {
    throw ConfigError("--seeds names a seed twice: the same search again says nothing new",
                      ExitCode::usage);
  }
  if (trains && result.arch.empty() && result.run.empty()) {
    throw ConfigError("train needs --arch FILE|NAME or --run DIR", ExitCode::usage);
  }
  if (!typed.max_time.empty()) line.limits.max_time_s = parse_duration(typed.max_time);
  if (line.command != Command::search && line.command != Command::pipeline && !trains) return;
  if (line.config_file.empty() && result.run.empty()) {
    throw ConfigError("--config FILE is missing (enas_hpc --help lists what can be done)",
                      ExitCode::usage);
  }
  if (typed.resume == "never") {
    line.limits.resume = run::ResumeMode::never;
  } else if (typed.resume != "auto") {
    line.limits.resume = run::ResumeMode::path;
    line.limits.resume_path = typed.resume;
  }
}

/// Arguments end up in files of the run, whose formats know only UTF-8.
void check_text(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (is_utf8(argument)) continue;
    throw ConfigError(concat("the argument \"", with_visible_bytes(argument.substr(0, 200)),
                             "\" is not UTF-8; names of files and folders must be, since they are "
                             "kept in the files of a run: rename it"),
                      ExitCode::usage);
  }
}

}  // namespace

double parse_duration(const std::string& text) {
  double seconds = 0.0;
  if (std::count(text.begin(), text.end(), ':') == 2) {
    const auto first = text.find(':');
    const auto last = text.rfind(':');
    std::int64_t hours = 0;
    std::int64_t minutes = 0;
    const auto read_part = [&](std::string_view part, double high, std::int64_t& value) {
      return !read_whole(part, between(0, high), value);
    };
    const std::string_view all = text;
    const Range below_a_minute = {.low = 0.0, .high = 60.0, .without_high = true};
    if (read_part(all.substr(0, first), 1e9, hours) &&
        read_part(all.substr(first + 1, last - first - 1), 59, minutes) &&
        !read_number(all.substr(last + 1), below_a_minute, seconds)) {
      seconds += 3600.0 * static_cast<double>(hours) + 60.0 * static_cast<double>(minutes);
      if (seconds > 0.0) return seconds;
    }
  } else if (!read_number(text, above(0), seconds)) {
    return seconds;
  }
  throw ConfigError(concat("--max-time must be seconds above 0 or HH:MM:SS, is ",
                           text.substr(0, 80), "; without it there is no limit but the job's end"),
                    ExitCode::usage);
}

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  check_text(arguments);
  Typed typed;
  CLI::App app("Efficient neural architecture search on MPI clusters", "enas_hpc");
  add_search_options(app, typed);
  add_subcommands(app, typed);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    typed.line.command = chosen_command(app, typed);
    check_top(app, typed);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = &app;
    while (!asked->get_subcommands().empty()) asked = asked->get_subcommands().front();
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
