// SPDX-License-Identifier: Apache-2.0
#include "run/start.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "nn/kernel/machine.hpp"
#include "run/batch_job.hpp"
#include "run/checkpoint_choice.hpp"
#include "run/together.hpp"

namespace enas::run {

namespace {

std::vector<std::string> this_job() {
  const BatchJob job = present_batch_job();
  return job.id.empty() ? std::vector<std::string>{} : std::vector<std::string>{job.name()};
}

/// What the run may resume from.
std::vector<CheckpointFile> candidates_on_root(const Directory& directory, const Limits& limits) {
  try {
    switch (limits.resume) {
      case ResumeMode::automatic:
        return directory.checkpoints();
      case ResumeMode::path:
        return checkpoints_at(limits.resume_path);
      case ResumeMode::never:
        break;
    }
  } catch (const InputError&) {
    // Loading names what is wrong.
  }
  return {};
}

}  // namespace

ExitCode in_directory(comm::World& world, Log& log, const Options& options,
                      const std::function<ExitCode(Directory&)>& work) {
  Directory directory(options.dir);
  on_root(world, [&] {
    directory.open_on_root();
    log.open_file(directory.root() / "run.log");
  });
  log.set_progress_interval(options.log_interval_s);
  world.start_watchdog(options.reliability.comm_timeout_s, directory.root().string());
  const ExitCode result = work(directory);
  world.stop_watchdog();
  log.close_file();
  directory.close_on_root();
  world.barrier();
  return result;
}

int agree_on_threads(comm::World& world, Log& log, const Directory& directory, int asked,
                     const Limits& limits, const CheckpointKind& kind) {
  int stored = 0;
  on_root(world, [&] { stored = stored_threads(candidates_on_root(directory, limits), kind); });
  stored = world.broadcast_value(stored);
  if (stored <= 0 || stored == asked) return asked;
  if (limits.threads_explicit) {
    log.warn(concat("run.threads is ", asked, " but the checkpoint was written with ", stored,
                    " threads a rank: results will differ in their last bits"));
    return asked;
  }
  log.info(concat("using ", stored, " threads a rank as the checkpoint does (not ", asked, ")"));
  return stored;
}

Identity present_identity(const comm::World& world, const ConfigRecord& record,
                          const io::Digest& data, const io::Digest& data_without_test,
                          int threads) {
  return {record,
          data,
          data_without_test,
          concat(kVersion, " ", kGitRevision),
          threads,
          nn::instruction_set(),
          world.size(),
          0.0,
          this_job()};
}

void report_resume(Log& log, std::int64_t step, const Identity& stored, const Identity& present) {
  log.info(concat("resumed from step ", step, " written by np=", stored.ranks,
                  ", now np=", present.ranks));
  for (const auto& difference : adjustable_differences(stored, present)) {
    log.info("changed since the checkpoint: " + difference);
  }
  if (stored.instruction_set != present.instruction_set) {
    log.warn(concat("the checkpoint was written with ", stored.instruction_set, ", now ",
                    present.instruction_set, ": results will differ in their last bits"));
  }
  if (stored.program != present.program) {
    log.warn(concat("the checkpoint was written by version ", stored.program, ", now ",
                    present.program, ": results may differ in their last bits"));
  }
}

FaultInjector agree_on_faults(comm::World& world) {
  std::optional<FaultInjector> faults;
  together(world, [&] { faults.emplace(fault_of_environment(), world.rank()); });
  return *faults;
}

void report_surroundings(Log& log) {
  const std::string fault = fault_of_environment();
  if (!fault.empty()) log.info(concat("ENAS_FAULT=", fault, ": this run breaks on purpose"));
  const BatchJob job = present_batch_job();
  if (job.id.empty()) return;
  for (const auto& warning : job.warnings) log.warn(warning);
  const double left_s = job.seconds_left();
  log.info(concat("Slurm job ", job.name(),
                  left_s == 0.0 ? ", whose end in SLURM_JOB_END_TIME has passed and is ignored"
                  : std::isfinite(left_s) ? concat(", ", human_duration(left_s), " left")
                                          : ""));
}

void shake_hands(comm::World& world, const Identity& identity) {
  // A test can make one rank differ: ENAS_HANDSHAKE_FAULT=<rank>:<name of what differs>.
  const char* variable = std::getenv("ENAS_HANDSHAKE_FAULT");
  const std::string fault = variable != nullptr ? variable : "";
  const auto differs = [&](const std::string& name) {
    return fault == concat(world.rank(), ":", name);
  };
  const std::vector<std::pair<std::string, std::string>> items = {
      {"the program (version, git revision)", identity.program},
      {"the configuration", identity.config.toml},
      {"the data", identity.data.hex()},
      {"the instruction set", identity.instruction_set},
      {"the number of threads", std::to_string(identity.threads)}};
  for (const auto& [name, value] : items) {
    const auto all = world.all_gather_value(io::digest_text(differs(name) ? value + "?" : value));
    const auto same = std::count(all.begin(), all.end(), all[0]);
    if (same == world.size()) continue;
    // The odd one out, where there are enough to tell.
    const bool is_root = 2 * same < world.size();
    const auto other =
        std::find_if(all.begin(), all.end(), [&](auto each) { return each != all[0]; });
    const auto number = other - all.begin();
    throw ConfigError(concat(name, " on rank ", is_root ? 0 : number,
                             " is not the same as on rank ", is_root ? number : 0,
                             "; start all ranks with the same files and the same binary"));
  }
}

}  // namespace enas::run
