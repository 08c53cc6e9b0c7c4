// SPDX-License-Identifier: Apache-2.0
// How a run on disk is kept alive: its options, and what the command line says beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace enas::run {

struct CheckpointOptions {
  std::int64_t every_steps = 200;
  double every_minutes = 15.0;  ///< 0 for never
  int keep = 3;                 ///< newest ones kept
  int max_failures = 10;        ///< failed writes in a row before the run ends with 74
  bool verify_after_write = true;
};

struct ReliabilityOptions {
  std::int64_t digest_every = 100;  ///< steps between comparisons of touched state over ranks
  int max_bad_steps = 10;           ///< steps in a row without a finite slot before a reload
  int max_rollbacks = 3;            ///< reloads with the rate halved before exit 76
  double comm_timeout_s = 600.0;
  double straggler_factor = 2.0;  ///< times the median rank's seconds a slot; 0: no warning
  double straggler_interval_s = 60.0;
};

/// The sections `run`, `checkpoint` and `reliability` of a configuration.
struct Options {
  std::uint64_t seed = 1;
  int threads = 0;  ///< per rank; 0: OMP_NUM_THREADS, else 1
  std::string dir;  ///< run directory
  double log_interval_s = 10.0;
  CheckpointOptions checkpoint;
  ReliabilityOptions reliability;
};

/// One key with the value in force, as a checkpoint remembers it.
struct ConfigEntry {
  std::string key;       ///< "weights.slots"
  std::string value;     ///< as TOML
  bool identity = true;  ///< a resumed run must have the same value
  bool is_default = false;
};

/// The configuration as written to files.
struct ConfigRecord {
  std::string toml;  ///< every key with the value in force
  std::vector<ConfigEntry> entries;
};

enum class ResumeMode { automatic, never, path };

enum class DeviceWish { automatic, cpu, cuda };

/// What the command line says beside the configuration. Of it only the device changes bits.
struct Limits {
  ResumeMode resume = ResumeMode::automatic;
  std::filesystem::path resume_path;
  bool force_resume = false;  ///< take a checkpoint although identity keys differ
  DeviceWish device = DeviceWish::automatic;
  bool threads_explicit = false;   ///< run.threads was set on the command line
  double max_time_s = 0.0;         ///< 0: the end of the batch job, less what a stop takes
  std::int64_t max_steps = 0;      ///< absolute step; 0: none
  std::filesystem::path pipeline;  ///< its run directory, whose STOP ends the stage too; or empty
};

}  // namespace enas::run
