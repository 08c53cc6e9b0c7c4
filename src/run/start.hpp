// SPDX-License-Identifier: Apache-2.0
// What every run does before its first step: threads, who works on it, equal ranks.
#pragma once

#include <functional>

#include "comm/world.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "run/checkpoint_file.hpp"
#include "run/directory.hpp"
#include "run/fault.hpp"
#include "run/identity.hpp"
#include "run/options.hpp"

namespace enas::run {

/// Collective. Opens the run directory, its log file and the watchdog, does `work`, and closes them
/// again. Throws as Directory::open_on_root() and `work` do.
ExitCode in_directory(comm::World& world, Log& log, const Options& options,
                      const std::function<ExitCode(Directory&)>& work);
/// Collective. Threads a rank: those of the checkpoint win over OMP_NUM_THREADS (`asked`), an
/// explicit --set wins over both.
int agree_on_threads(comm::World& world, Log& log, const Directory& directory, int asked,
                     const Limits& limits, const CheckpointKind& kind);
/// This program, job and machine. `data` and `data_without_test` are digests (Identity).
Identity present_identity(const comm::World& world, const ConfigRecord& record,
                          const io::Digest& data, const io::Digest& data_without_test, int threads);
/// Says from which step a search or a training goes on, and warns of what makes other bits than the
/// checkpoint's program and machine; agree_on_threads() has warned of threads.
void report_resume(Log& log, std::int64_t step, const Identity& stored, const Identity& present);
/// Collective. The faults that ENAS_FAULT asks for. Every rank throws ConfigError when it cannot be
/// read on one of them: its value need not be the same everywhere.
FaultInjector agree_on_faults(comm::World& world);
/// A line on the batch job, if this is one: its id, restarts, and the time that is left. A line on
/// faults that the environment asks for.
void report_surroundings(Log& log);
/// Collective. Everything that must be equal before a run may start, by name. Throws ConfigError
/// naming the first rank that differs from most.
void shake_hands(comm::World& world, const Identity& identity);

}  // namespace enas::run
