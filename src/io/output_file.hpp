// SPDX-License-Identifier: Apache-2.0
// Files that the user names, written as the shell writes those after `>`.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace enas::io {

/// Writes through whatever `path` names: a pipe or a device gets the bytes, a link leads to its
/// file, and an existing file keeps its mode, owner and other names. A new file is removed when it
/// cannot be written whole. Throws ConfigError when it cannot be opened (73, or 77 for permission)
/// and SystemError when writing fails.
void write_output(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_output(const std::filesystem::path& path, std::string_view text);

}  // namespace enas::io
