// SPDX-License-Identifier: Apache-2.0
// `enas_hpc --config FILE`: from the command line to a search, or to an estimate of one.
#pragma once

#include <string>

#include "app/command_line.hpp"
#include "app/config/config.hpp"
#include "comm/world.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace enas::app {

/// Collective. The configuration as it is in force on all ranks: read on rank 0, parsed alike
/// everywhere.
Config load_config(comm::World& world, Log& log, const CommandLine& line);

/// What makes the settings' precision slow on this machine; "" for nothing.
std::string precision_warning(const Settings& settings);

/// Collective. The last line of stdout, for programs that start searches or trainings.
void print_result(comm::World& world, const std::string& run_dir, ExitCode code);

/// Collective. Runs, resumes or estimates the search.
ExitCode run_search_command(comm::World& world, Log& log, const CommandLine& line);

}  // namespace enas::app
