// SPDX-License-Identifier: Apache-2.0
// Which checkpoint somebody means who names one, a run directory, or what lies in it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/hdf5_image.hpp"
#include "run/checkpoint_file.hpp"
#include "run/directory.hpp"

namespace enas::run {

/// The run directory that `asked` means: RUN for RUN itself, RUN/checkpoints and
/// RUN/checkpoints/latest. Every other path comes back as it is.
std::filesystem::path run_directory_of(const std::filesystem::path& asked);

/// The checkpoints that `asked` means, newest first: all of a run directory, or the file itself.
/// Throws InputError when there is none.
std::vector<CheckpointFile> checkpoints_at(const std::filesystem::path& asked);

/// One of them.
struct ChosenCheckpoint {
  std::filesystem::path path;
  std::string warning;  ///< which newer ones were passed over, and why; or empty
};

/// The file itself; of a run directory the newest one for which `open` throws no InputError. Throws
/// InputError with all reasons when there is none.
ChosenCheckpoint choose_checkpoint(const std::filesystem::path& asked,
                                   const std::function<void(const std::filesystem::path&)>& open);

/// The same, of a job of any of these kinds.
ChosenCheckpoint choose_checkpoint(const std::filesystem::path& asked,
                                   const std::vector<CheckpointKind>& kinds);
/// The one of `kinds` that the file's format names; the first where it names none.
const CheckpointKind& kind_of(const io::ImageReader& image,
                              const std::vector<CheckpointKind>& kinds);

/// The folder in which the run that wrote a checkpoint was started, where relative paths of its
/// configuration begin; "" where it does not say.
std::string folder_of_start(const io::ImageReader& checkpoint);

}  // namespace enas::run
