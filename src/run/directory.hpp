// SPDX-License-Identifier: Apache-2.0
// The files of a run: where they lie, who owns them, which are current. Used on rank 0 only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "core/json.hpp"

namespace enas::run {

class Lock;

/// A checkpoint file as its name tells it.
struct CheckpointFile {
  std::int64_t step = 0;
  std::filesystem::path path;
};

/// What lies in a folder, sorted; nothing where there is no such folder. `error` says why the
/// folder could not be listed, or not to its end.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder,
                                            std::error_code& error);

/// Throws ConfigError (73) when no run was begun in the folder and it holds files of the names that
/// a run writes.
void refuse_foreign_files(const std::filesystem::path& folder);

class Directory {
 public:
  explicit Directory(std::filesystem::path root);
  ~Directory();

  /// Makes the folders, takes the lock, removes left-over temporaries. Throws ConfigError: 73
  /// (cannot be made, in use by another run: names the holder, or holds files that a run would
  /// replace and did not write), 77.
  void open_on_root();
  /// Gives the lock back. Everything is written before.
  void close_on_root();

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path checkpoint_path(std::int64_t step) const;
  std::filesystem::path log_part_path(std::int64_t first_step, std::int64_t end_step) const;

  /// Checkpoints by name, newest first; bad and stale ones are not among them. Throws SystemError
  /// when the folder is there and cannot be listed.
  std::vector<CheckpointFile> checkpoints() const;
  /// The same; `error` says why the folder could not be listed, or not to its end.
  std::vector<CheckpointFile> checkpoints(std::error_code& error) const;
  /// Renames to "<name>.bad".
  void set_aside_bad(const std::filesystem::path& checkpoint) const;
  /// Renames every checkpoint after `step` and every log part that ends after it to "*.stale", so
  /// that there is one timeline. Returns how many. Throws SystemError.
  int retire_after(std::int64_t step) const;
  /// Renames a file of the run directory to "<name>.stale" where it is there.
  void set_aside_stale(const std::string& name) const;
  /// Removes all but the newest `keep` checkpoints. Leaves what cannot be listed or removed.
  void prune(int keep) const;

  /// Atomic rewrites. Throw SystemError.
  void write_latest(std::int64_t step) const;
  void write_json(const std::string& name, const Json& value) const;
  void write_text(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path root_;
  std::unique_ptr<Lock> lock_;
};

}  // namespace enas::run
