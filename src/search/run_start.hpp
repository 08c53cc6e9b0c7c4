// SPDX-License-Identifier: Apache-2.0
// What every run does before its first step: threads, who works on it, equal ranks.
#pragma once

#include "comm/world.hpp"
#include "core/log.hpp"
#include "search/checkpoint_reader.hpp"
#include "search/run_directory.hpp"
#include "search/run_identity.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"

namespace enas::search {

/// Collective. Threads a rank: those of the checkpoint win over OMP_NUM_THREADS (`asked`), an
/// explicit --set wins over both.
int agree_on_threads(comm::World& world, Log& log, const RunDirectory& directory, int asked,
                     const RunLimits& limits, const CheckpointKind& kind);
/// This program, job and machine.
RunIdentity present_identity(const comm::World& world, const ConfigRecord& record, const Task& task,
                             int threads);
/// Says from which step a search or a training goes on, and warns of what makes other bits than the
/// checkpoint's program and machine; agree_on_threads() has warned of threads.
void report_resume(Log& log, std::int64_t step, const RunIdentity& stored,
                   const RunIdentity& present);
/// A line on the batch job, if this is one: its id, restarts, and the time that is left. A line on
/// faults that the environment asks for.
void report_surroundings(Log& log);
/// The task's warnings about its data, a line each.
void warn_of_data(Log& log, const Task& task);
/// Collective. Everything that must be equal before a run may start, by name. Throws ConfigError
/// naming the first rank that differs from most.
void shake_hands(comm::World& world, const RunIdentity& identity);

}  // namespace enas::search
