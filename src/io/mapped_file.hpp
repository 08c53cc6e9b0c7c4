// SPDX-License-Identifier: Apache-2.0
// A file mapped into memory, read-only: processes of a node share its pages.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace enas::io {

class MappedFile {
 public:
  /// Throws InputError: 66 when it is missing or cannot be opened, 65 when it is empty or no plain
  /// file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace enas::io
