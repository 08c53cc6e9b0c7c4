// SPDX-License-Identifier: Apache-2.0
// Keeps a job alive from start to end: resume, step, compare, checkpoint, stop, go back after
// divergence, recover from damaged memory. Once, for every kind of job.
#pragma once

#include "comm/world.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "run/directory.hpp"
#include "run/fault.hpp"
#include "run/identity.hpp"
#include "run/job.hpp"
#include "run/options.hpp"

namespace enas::run {

/// What a job runs in. All must outlive it.
struct Context {
  comm::World& world;
  Log& log;
  const Options& options;
  const Limits& limits;
  Directory& directory;
  const Identity& identity;
  FaultInjector& faults;
};

/// Collective. Resumes or starts the job, then runs it to its end or to a stop. Returns success or
/// checkpointed; every other end is an exception.
ExitCode drive(const Context& context, Job& job);

}  // namespace enas::run
