// SPDX-License-Identifier: Apache-2.0
// What the user typed, checked and typed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/command/arch_command.hpp"
#include "app/config/settings.hpp"
#include "bench/scaling.hpp"
#include "search/derive/derivation.hpp"

namespace enas::app {

enum class Command {
  help,
  version,
  search,
  sample,
  state_hash,
  config_defaults,
  config_check,
  config_explain,
  doctor,
  bench,
  arch,
  derive,
  train,
  evaluate,
  pipeline,
  export_network,
};

/// What belongs to `bench` alone.
struct BenchLine {
  int steps = 5;
  int repeats = 5;
  std::string phase = "all";  ///< "weights", "controller" or "all"
  run::DeviceWish device = run::DeviceWish::automatic;
  bool reference = false;  ///< beside a second process that computes plainly
  bool lockstep = false;   ///< being that process
  bool scaling = false;    ///< weight steps on 1, 2, 4, ... ranks
  bench::ScalingOptions model;
};

/// What belongs to `derive`, `train`, `evaluate` and `pipeline`.
struct ResultLine {
  std::filesystem::path run;  ///< --run
  std::string arch;           ///< --arch: a file or a shipped name
  search::DeriveOptions derive;
  std::filesystem::path out;   ///< export
  bool again = false;          ///< evaluate although there is a result
  bool with_baseline = false;  ///< pipeline: the same budget for uniform draws
  std::vector<std::int64_t> seeds;
};

struct CommandLine {
  Command command = Command::search;
  bool json = false;
  std::string help_text;  ///< command = help

  std::filesystem::path config_file;  ///< search, config_check, bench
  std::vector<std::string> sets;      ///< --set and --seed as "key=value", in order
  std::string run_dir;                ///< --run-dir; "" when not given
  run::Limits limits;
  bool dry_run = false;

  std::filesystem::path path;  ///< sample: run or checkpoint; state_hash: checkpoint
  int count = 10;              ///< sample
  std::uint64_t seed = 1;      ///< sample
  bool markdown = false;       ///< config_defaults
  std::string key;             ///< config_explain
  BenchLine bench;
  ArchLine arch;
  ResultLine result;
};

/// Arguments without the program's name. Throws ConfigError (64) for a wrong command line.
CommandLine parse_command_line(const std::vector<std::string>& arguments);

/// "5400", "90.5" or "01:30:00" in seconds. Throws ConfigError (64).
double parse_duration(const std::string& text);

}  // namespace enas::app
