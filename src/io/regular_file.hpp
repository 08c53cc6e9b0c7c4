// SPDX-License-Identifier: Apache-2.0
// Reading of regular files: no folders, pipes or devices.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/error.hpp"

namespace enas::io {

/// Throws InputError "PATH reason".
[[noreturn]] void refuse_file(const std::filesystem::path& path, std::string_view reason,
                              ExitCode code = ExitCode::bad_data);

/// A file that is open for reading: its descriptor, which the caller closes, and its bytes.
struct OpenFile {
  int number;
  std::size_t size;
};
/// Throws InputError: 66 when the file cannot be opened, 65 when it is not a regular one.
OpenFile open_regular(const std::filesystem::path& path);

/// Reads until `target` is full or the file ends. Returns the number of bytes read. Throws
/// InputError (74) when reading fails.
std::size_t read_up_to(int number, std::span<std::byte> target, const std::filesystem::path& path);

}  // namespace enas::io
