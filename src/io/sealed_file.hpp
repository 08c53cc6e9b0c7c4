// SPDX-License-Identifier: Apache-2.0
// Files that show by a trailer whether they are whole and unchanged.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace enas::io {

/// Writes an HDF5 image followed by its 64-byte trailer (magic, length, XXH3-128). HDF5 tools
/// ignore the trailer; read_sealed() insists on it.
void write_sealed(const std::filesystem::path& path, std::span<const std::byte> image);

/// The image of a file written by write_sealed(). Throws InputError saying what is wrong: not a
/// regular file, too short, no trailer, wrong length, wrong digest.
std::vector<std::byte> read_sealed(const std::filesystem::path& path);

}  // namespace enas::io
