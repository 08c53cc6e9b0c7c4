// SPDX-License-Identifier: Apache-2.0
// System calls for files that report each failure.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "core/error.hpp"

namespace enas::io {

/// The most bytes that one call is asked to read or write.
inline constexpr std::size_t kLongestTransfer = std::size_t{1} << 30;

/// A system call that did not work.
struct Failure {
  const char* call;
  int error;
  /// "write: No space left on device".
  std::string text() const;
};

/// What the program ends with when a call on the user's files failed with this error (errno): 66,
/// 73, 77, or 74 for everything else.
ExitCode code_of(int error);

/// Owns a file descriptor; negative for none.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  bool close();

 private:
  int number_;
};

/// These two start again when a signal interrupts them.
int open_retrying(const std::filesystem::path& path, int flags);
int fsync_retrying(int number);

/// Writes all of `bytes`.
std::optional<Failure> write_all(int number, std::span<const std::byte> bytes);

}  // namespace enas::io
