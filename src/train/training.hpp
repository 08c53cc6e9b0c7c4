// SPDX-License-Identifier: Apache-2.0
// What app asks of a training: run it, and score what it left.
#pragma once

#include <filesystem>
#include <string>

#include "comm/world.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "space/architecture_file.hpp"
#include "space/typed_view.hpp"
#include "train/options.hpp"

namespace enas::train {

/// Collective. Trains the architecture from scratch in settings.run.dir, or resumes, until it is
/// done or asked to stop. Returns success or checkpointed; every other end is an exception.
ExitCode run_training(comm::World& world, Log& log, const Settings& settings,
                      const space::ArchitectureFile& architecture, const run::ConfigRecord& record,
                      const run::Limits& limits);

/// Collective. Throws what training and evaluating children of the space, such as `child`, would
/// refuse: for programs that search first, and would otherwise hear of it only afterwards.
void check_trainings(comm::World& world, Log& log, const Settings& settings,
                     const space::TypedView& child, const run::Limits& limits);

/// Collective. Scores the weights of the best epoch on the validation and the test split and writes
/// test.json into the run directory: the architecture with its metrics. The test split is touched
/// once: where test.json exists already it is returned, unless `again`. Not before the training is
/// finished. Throws InputError, and Error (ExitCode::checkpointed) when the limits, a file STOP in
/// the run directory or a signal stop it; then nothing was written. The same JSON on every rank.
Json evaluate(comm::World& world, Log& log, const Settings& settings,
              const run::ConfigRecord& record, const std::filesystem::path& run, bool again,
              const run::Limits& limits);

/// Rank 0. A folder with the weights of the best epoch (weights.safetensors), a model.py that loads
/// and scores them in PyTorch, architecture.json, of a text vocabulary.txt, and export.json. Throws
/// InputError, ConfigError when the folder holds such files that no export wrote, SystemError.
void export_pytorch(Log& log, const Settings& settings, const std::filesystem::path& run,
                    const std::filesystem::path& out);

}  // namespace enas::train
