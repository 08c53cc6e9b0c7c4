// SPDX-License-Identifier: Apache-2.0
// From a search to a result: `derive`, `train`, `evaluate` and `pipeline`.
#pragma once

#include "app/command_line.hpp"
#include "comm/world.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace enas::app {

// All are collective.

/// Ranks children of a search and writes RUN/derived.
void run_derive_command(comm::World& world, Log& log, const CommandLine& line);
/// Trains one architecture, or goes on with it.
ExitCode run_train_command(comm::World& world, Log& log, const CommandLine& line);
/// Scores what a training left on the test split.
void run_evaluate_command(comm::World& world, Log& log, const CommandLine& line);
/// Writes what a training left for PyTorch.
void run_export_command(comm::World& world, Log& log, const CommandLine& line);
/// All of it, each stage where the last job left it.
ExitCode run_pipeline_command(comm::World& world, Log& log, const CommandLine& line);

}  // namespace enas::app
