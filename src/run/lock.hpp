// SPDX-License-Identifier: Apache-2.0
// One job a run directory: run.lock holds who it is.
#pragma once

#include <filesystem>

namespace enas::run {

/// Held from construction to destruction. flock() keeps other jobs of this machine out; the file's
/// text keeps those of other machines out, except when it names this very batch job (a requeue on
/// another node).
class Lock {
 public:
  /// Throws ConfigError (73) naming the holder.
  explicit Lock(const std::filesystem::path& path);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Whether another job than this one holds the lock of this path. Leaves the file as it is; true
/// also when it cannot be read.
bool is_held_by_another_job(const std::filesystem::path& path);

}  // namespace enas::run
