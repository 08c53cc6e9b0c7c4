// SPDX-License-Identifier: Apache-2.0
// HDF5 files built and read in memory. libhdf5 writes no files itself, because after a failed write
// it can crash the process at exit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/image.hpp"

namespace enas::io {

/// Bytes of an attribute; HDF5 keeps them in the header of an object, which holds no more.
inline constexpr std::size_t kLongestAttribute = 65'000;

/// Builds one HDF5 file in memory. Paths are absolute ("/weights/embedding"); parent groups are
/// made as needed. Datasets are chunked and carry fletcher32, except empty ones and scalars, which
/// cannot. The same calls give the same bytes. Any libhdf5 failure throws
/// SystemError (70). Value types: float, double, int32, int64, uint8, uint64.
class ImageWriter {
 public:
  /// `expected_bytes` sizes the growth of the buffer.
  explicit ImageWriter(std::size_t expected_bytes);
  ~ImageWriter();
  ImageWriter(const ImageWriter&) = delete;
  ImageWriter& operator=(const ImageWriter&) = delete;

  void group(const std::string& path);

  template <typename T>
  void dataset(const std::string& path, std::span<const T> values,
               std::span<const std::int64_t> shape);
  /// One-dimensional.
  template <typename T>
  void dataset(const std::string& path, const std::vector<T>& values) {
    const std::int64_t length = static_cast<std::int64_t>(values.size());
    dataset<T>(path, std::span<const T>(values), std::span<const std::int64_t>(&length, 1));
  }
  /// A one-dimensional dataset of UTF-8 strings, each with the bytes of the longest.
  void strings(const std::string& path, const std::vector<std::string>& values);

  /// Attributes of a group or dataset that exists ("/" is the root). Texts have at most
  /// kLongestAttribute bytes.
  void attribute(const std::string& path, const std::string& name, const std::string& value);
  void attribute(const std::string& path, const std::string& name, const char* value) {
    attribute(path, name, std::string(value));
  }
  void attribute(const std::string& path, const std::string& name, std::int64_t value);
  void attribute(const std::string& path, const std::string& name, double value);

  /// Closes the file and gives its bytes without copying them. The writer is spent afterwards.
  Image finish();

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// Reads an HDF5 file held in memory, without copying it. The file may have been made to do harm:
/// external and soft links, external storage, variable-length strings and filters other than
/// fletcher32 are refused, sizes are checked before anything is allocated. Throws InputError (65)
/// naming path and reason.
class ImageReader {
 public:
  /// `name` is what messages call the file.
  ImageReader(Image image, std::string name);
  ~ImageReader();
  ImageReader(const ImageReader&) = delete;
  ImageReader& operator=(const ImageReader&) = delete;

  bool exists(const std::string& path) const;
  /// Names of the members of a group, sorted.
  std::vector<std::string> members(const std::string& group) const;
  std::vector<std::int64_t> shape(const std::string& path) const;
  /// "group", or the type of a dataset's values: "float32", "int64", "fixed-length string", …
  std::string kind(const std::string& path) const;

  /// All values of a dataset whose stored type is exactly T.
  template <typename T>
  std::vector<T> read(const std::string& path) const;
  /// Reads a dataset that must have exactly this shape and type into `values`.
  template <typename T>
  void read_into(const std::string& path, std::span<T> values,
                 std::span<const std::int64_t> shape) const;
  std::vector<std::string> read_strings(const std::string& path) const;

  bool has_attribute(const std::string& path, const std::string& name) const;
  std::string string_attribute(const std::string& path, const std::string& name) const;
  std::int64_t int_attribute(const std::string& path, const std::string& name) const;
  double double_attribute(const std::string& path, const std::string& name) const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// "HDF5 1.10.8", "xxHash 0.8.1".
std::vector<std::string> library_versions();

}  // namespace enas::io
