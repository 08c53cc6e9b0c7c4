// SPDX-License-Identifier: Apache-2.0
#include "run/checkpoint_choice.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/file_calls.hpp"
#include "io/regular_file.hpp"
#include "io/sealed_file.hpp"

namespace enas::run {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCheckpoints = "checkpoints";

/// Without a slash at its end.
fs::path trimmed(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

/// Throws InputError when the file cannot be read.
bool is_hdf5(const fs::path& file) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  const io::Descriptor opened(io::open_regular(file).number);
  std::string start(kSignature.size(), '\0');
  io::read_up_to(opened.number(), std::as_writable_bytes(std::span(start)), file);
  return start == kSignature;
}

/// "; there are some in: A, B" of the folders below that have checkpoints, such as train/top-1.
/// Passes over what cannot be listed.
std::string runs_below(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::path& place : {folder, folder / "train"}) {
    for (const fs::path& path : files_of(place, error)) {
      if (path.filename() == kCheckpoints) continue;
      if (!Directory(path).checkpoints(error).empty()) found.push_back(path.string());
    }
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? "" : concat("; there are some in: ", join(found, ", "));
}

}  // namespace

fs::path run_directory_of(const fs::path& asked) {
  const fs::path path = trimmed(asked);
  std::error_code error;
  if (path.filename() == "latest" && fs::is_regular_file(path, error)) {
    return run_directory_of(parent_of(path));
  }
  const fs::path full = trimmed(fs::absolute(path, error).lexically_normal());
  if (full.filename() != kCheckpoints || fs::is_directory(path / kCheckpoints, error)) return asked;
  const fs::path run = path.filename() == kCheckpoints ? parent_of(path) : full.parent_path();
  return Directory(run).checkpoints().empty() ? asked : run;
}

std::vector<CheckpointFile> checkpoints_at(const fs::path& asked) {
  std::error_code error;
  if (!fs::exists(asked, error)) {
    const std::string problem =
        error ? concat(" cannot be opened: ", error.message()) : " does not exist";
    throw InputError(asked.string() + problem, ExitCode::missing_input);
  }
  const fs::path run = run_directory_of(asked);
  if (!fs::is_directory(run, error)) {
    if (is_hdf5(asked)) return {{0, asked}};
    throw InputError(concat(asked.string(),
                            " is no checkpoint; a run directory or a file of its folder "
                            "checkpoints is wanted"));
  }
  auto found = Directory(run).checkpoints();
  if (found.empty()) {
    throw InputError(concat(run.string(), " holds no checkpoint", runs_below(run)),
                     ExitCode::missing_input);
  }
  return found;
}

ChosenCheckpoint choose_checkpoint(const fs::path& asked,
                                   const std::function<void(const fs::path&)>& open) {
  const auto candidates = checkpoints_at(asked);
  if (candidates.front().path == asked) return {asked, ""};  // whoever reads it says what is wrong
  std::vector<std::string> reasons;
  for (const auto& candidate : candidates) {
    try {
      open(candidate.path);
    } catch (const InputError& error) {
      reasons.emplace_back(error.what());
      continue;
    }
    ChosenCheckpoint chosen{candidate.path, ""};
    if (!reasons.empty()) {
      chosen.warning =
          concat("passed over:\n  ", join(reasons, "\n  "), "\nusing ", candidate.path.string());
    }
    return chosen;
  }
  throw InputError(concat("no checkpoint can be used:\n  ", join(reasons, "\n  "),
                          runs_below(run_directory_of(asked))));
}

const CheckpointKind& kind_of(const io::ImageReader& image,
                              const std::vector<CheckpointKind>& kinds) {
  const bool is_named = image.has_attribute("/", "format");
  const std::string format = is_named ? image.string_attribute("/", "format") : "";
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const auto& kind) { return kind.format == format; });
  return found != kinds.end() ? *found : kinds.front();
}

ChosenCheckpoint choose_checkpoint(const fs::path& asked,
                                   const std::vector<CheckpointKind>& kinds) {
  return choose_checkpoint(asked, [&](const fs::path& path) {
    const io::ImageReader image(io::read_sealed(path), path.string());
    const CheckpointReader checked(path, kind_of(image, kinds));
  });
}

std::string folder_of_start(const io::ImageReader& checkpoint) {
  const bool is_known = checkpoint.has_attribute("/", "start_folder");
  return is_known ? checkpoint.string_attribute("/", "start_folder") : "";
}

}  // namespace enas::run
