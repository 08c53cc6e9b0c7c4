// SPDX-License-Identifier: Apache-2.0
// `enas_hpc bench`: from the command line to times, alone or beside the reference.
#pragma once

#include "app/command_line.hpp"
#include "comm/world.hpp"
#include "core/log.hpp"

namespace enas::app {

/// Collective. Measures and prints on rank 0.
void run_bench_command(comm::World& world, Log& log, const CommandLine& line);

}  // namespace enas::app
