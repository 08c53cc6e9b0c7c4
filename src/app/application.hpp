// SPDX-License-Identifier: Apache-2.0
// The program behind main: chooses the command and turns every end into an exit code.
#pragma once

#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace enas::app {

/// Collective. Runs what rank 0's command line asks for.
ExitCode run_application(comm::World& world, Log& log, const std::vector<std::string>& arguments);

/// Collective. As above; what the user did wrong is printed once and returned on every rank, any
/// other failure is printed where it happened and ends the whole job.
ExitCode run_and_report(comm::World& world, const std::vector<std::string>& arguments);

}  // namespace enas::app
