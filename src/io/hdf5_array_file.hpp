// SPDX-License-Identifier: Apache-2.0
// Arrays in an HDF5 file of the user, which may hold anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace enas::io {

/// Where a dataset lies in its file as plain bytes.
struct FileRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Paths are absolute. What asks for a dataset throws InputError 65 naming file and dataset when it
/// is not there, is reached through a link, keeps its values elsewhere, has another type or claims
/// more values than the file can hold.
class Hdf5ArrayFile {
 public:
  /// Throws InputError: 66 when it is missing or cannot be opened, 65 when it is no HDF5 file.
  explicit Hdf5ArrayFile(const std::filesystem::path& path);
  ~Hdf5ArrayFile();
  Hdf5ArrayFile(const Hdf5ArrayFile&) = delete;
  Hdf5ArrayFile& operator=(const Hdf5ArrayFile&) = delete;

  /// Throws InputError when it is reached through a soft or external link.
  bool exists(const std::string& path) const;
  std::vector<std::int64_t> shape(const std::string& path) const;
  /// "uint8", "int64", …: the type of a dataset's values.
  std::string kind(const std::string& path) const;
  /// A text attribute of a dataset; nothing when it has none of that name.
  std::optional<std::string> text_attribute(const std::string& path, const std::string& name) const;
  /// The place of an unchunked, uncompressed, fully allocated uint8 dataset; nothing otherwise.
  std::optional<FileRange> range(const std::string& path) const;
  /// All values of a uint8 dataset in any storage that this libhdf5 can read.
  std::vector<std::uint8_t> read_bytes(const std::string& path) const;
  /// All values of a dataset of any integer type.
  std::vector<std::int64_t> read_integers(const std::string& path) const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace enas::io
