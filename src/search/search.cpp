// SPDX-License-Identifier: Apache-2.0
#include "search/search.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <cstdlib>
#include <memory>

#include "comm/mpi_reducer.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "search/search_loop.hpp"
#include "search/spaces.hpp"
#include "search/task.hpp"
#include "search/together.hpp"

namespace enas::search {

namespace {

/// Collective. Everything that must be equal before a search may start, by name.
void shake_hands(comm::World& world, const RunIdentity& identity) {
  // A test can make one rank differ: ENAS_HANDSHAKE_FAULT=<rank>.
  const char* fault = std::getenv("ENAS_HANDSHAKE_FAULT");
  const bool differ = fault != nullptr && std::atoi(fault) == world.rank();
  const std::vector<std::pair<std::string, std::string>> items = {
      {"the program (version, git revision)", identity.program + (differ ? " (fault)" : "")},
      {"the configuration", identity.config.toml},
      {"the data", identity.data.hex()},
      {"the instruction set", identity.instruction_set},
      {"the number of threads", std::to_string(identity.threads)}};
  for (const auto& [name, value] : items) {
    const io::Digest mine = io::digest_text(value);
    std::vector<io::Digest> all(static_cast<std::size_t>(world.size()));
    world.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
    for (int rank = 1; rank < world.size(); ++rank) {
      if (all[static_cast<std::size_t>(rank)] != all[0]) {
        throw ConfigError(concat(name, " on rank ", rank, " is not the same as on rank 0; ",
                                 "start all ranks with the same files and the same binary"));
      }
    }
  }
}

std::vector<std::string> this_job() {
  const char* job = std::getenv("SLURM_JOB_ID");
  return job != nullptr ? std::vector<std::string>{job} : std::vector<std::string>{};
}

/// The threads of the checkpoint win over OMP_NUM_THREADS, an explicit --set wins over both.
int agree_on_threads(comm::World& world, Log& log, const RunDirectory& directory,
                     const Settings& settings, const RunLimits& limits) {
  int stored = 0;
  if (world.is_root() && limits.resume != ResumeMode::never) {
    stored = limits.resume == ResumeMode::path ? stored_threads({{0, limits.resume_path}})
                                               : stored_threads(directory.checkpoints());
  }
  stored = world.broadcast_value(stored);
  const int asked = settings.run.threads;
  if (stored <= 0 || stored == asked) return asked;
  if (limits.threads_explicit) {
    log.warn(concat("run.threads is ", asked, " but the checkpoint was written with ", stored,
                    " threads a rank: results will differ in their last bits"));
    return asked;
  }
  log.info(concat("using ", stored, " threads a rank as the checkpoint does (not ", asked, ")"));
  return stored;
}

ExitCode run_in(comm::World& world, Log& log, RunDirectory& directory, const Settings& settings,
                const ConfigRecord& record, const RunLimits& limits) {
  const int threads = set_threads(agree_on_threads(world, log, directory, settings, limits));
  const auto own_slots = comm::block_of(world.rank(), world.size(), settings.weights.slots);
  std::unique_ptr<Task> task;
  together(world, [&] { task = make_task(settings, own_slots); });
  RunIdentity identity{record,  task->data_digest(), concat(kVersion, " ", kGitRevision),
                       threads, instruction_set(),   world.size(),
                       0.0,     this_job()};
  shake_hands(world, identity);
  log.info(concat(task->describe_data(), "; ", world.size(), " ranks, ", threads, " threads each, ",
                  identity.instruction_set));

  const auto space = make_space(settings.space);
  comm::MpiReducer reducer(world, settings.weights.slots);
  std::unique_ptr<supernet::Supernet> supernet;
  std::unique_ptr<Strategy> strategy;
  together(world, [&] {
    supernet = make_supernet(settings, task->data_shape());
    strategy = make_strategy(space, settings);
  });
  SearchLoop loop({world, log, settings, limits, space, *supernet, *strategy, reducer, *task,
                   directory, identity});
  return loop.run();
}

}  // namespace

ExitCode run_search(comm::World& world, Log& log, const Settings& settings,
                    const ConfigRecord& record, const RunLimits& limits) {
  RunDirectory directory(settings.run.dir);
  together(world, [&] {
    if (!world.is_root()) return;
    directory.open_on_root();
    log.open_file(directory.root() / "run.log");
  });
  log.set_progress_interval(settings.run.log_interval_s);
  world.start_watchdog(settings.reliability.comm_timeout_s, directory.root().string());
  const ExitCode result = run_in(world, log, directory, settings, record, limits);
  log.close_file();
  directory.close_on_root();
  world.barrier();
  return result;
}

int set_threads(int threads) {
  at::set_num_threads(threads);
  return at::get_num_threads();
}

std::string instruction_set() { return at::get_cpu_capability(); }

}  // namespace enas::search
