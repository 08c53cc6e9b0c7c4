// SPDX-License-Identifier: Apache-2.0
// One job a run directory: run.lock holds who it is.
#pragma once

#include <filesystem>

namespace enas::search {

/// Held from construction to destruction. flock() keeps other jobs of this machine out; the file's
/// text keeps those of other machines out, except when it names this very batch job (a requeue on
/// another node).
class RunLock {
 public:
  /// Throws ConfigError (73) naming the holder.
  explicit RunLock(const std::filesystem::path& path);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace enas::search
