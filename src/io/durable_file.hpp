// SPDX-License-Identifier: Apache-2.0
// Files that hold either their old or their new content after a crash, and never parts of both.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace enas::io {

/// Writes `bytes` to a temporary file in the same folder, fsyncs, renames it to `path` and fsyncs
/// the folder. On failure removes the temporary file, leaves `path` as it was and throws
/// SystemError naming the call, the path and errno's text.
void write_durable(const std::filesystem::path& path, std::span<const std::byte> bytes);
/// The same for bytes that lie in several places, one part after the other.
void write_durable(const std::filesystem::path& path,
                   std::span<const std::span<const std::byte>> parts);
void write_durable(const std::filesystem::path& path, std::string_view text);

/// A whole text file. Throws InputError (66 when missing or unreadable, 65 when it is not a regular
/// file or longer than `max_bytes`).
std::string read_text(const std::filesystem::path& path, std::size_t max_bytes);

/// Renames and fsyncs the folder. Throws SystemError.
void rename_durable(const std::filesystem::path& from, const std::filesystem::path& to);

/// Removes left-over temporary files ("<name>.tmp.<pid>") of write_durable() in a folder, where
/// `is_ours` says so of the name. Never throws.
void remove_temporaries(const std::filesystem::path& folder,
                        bool (*is_ours)(std::string_view name)) noexcept;

/// Bytes that this process may still write on the file system of `folder`.
double free_bytes(const std::filesystem::path& folder);

/// Throws unless files can be created, written and removed in `folder`, which is made if need be:
/// ConfigError 73 (cannot be made, is a file) or 77 (permission).
void probe_writable(const std::filesystem::path& folder);

/// Throws as probe_writable() does when this file could not be written later: a folder has its
/// name, or the nearest folder above it that is there cannot be written in. Makes nothing.
void probe_output(const std::filesystem::path& file);

}  // namespace enas::io
