// SPDX-License-Identifier: Apache-2.0
// What a training left: its network with the weights of the best epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "child/network.hpp"
#include "nn/data_shape.hpp"
#include "run/checkpoint_file.hpp"
#include "space/architecture_file.hpp"
#include "task/preprocessing.hpp"
#include "train/options.hpp"

namespace enas::train {

struct Trained {
  space::ArchitectureFile architecture;
  nn::DataShape data;
  task::Preprocessing preprocessing;
  std::unique_ptr<child::Network> network;
  std::int64_t step = 0;        ///< steps done
  std::int64_t epochs = 0;      ///< epochs done
  std::int64_t best_epoch = 0;  ///< counted from 0
  std::string checkpoint;       ///< the file
  std::string warning;          ///< which newer checkpoints were passed over, and why; or empty
};

/// The newest checkpoint of a training's run directory that opens. `warning` says which newer ones
/// did not. Throws InputError.
run::CheckpointReader newest_training_checkpoint(const std::filesystem::path& run,
                                                 std::string* warning = nullptr);
/// From that checkpoint. Throws InputError when no epoch is done yet.
Trained load_trained(const Settings& settings, const std::filesystem::path& run);

}  // namespace enas::train
