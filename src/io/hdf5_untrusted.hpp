// SPDX-License-Identifier: Apache-2.0
// Checks of HDF5 files that anybody may have written, shared by both readers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/hdf5_handle.hpp"

namespace enas::io {

/// What is wrong with a path that leads nowhere.
inline constexpr std::string_view kMissing = "does not exist";

/// An HDF5 file that is open for reading. What is wrong with it throws InputError (65), which names
/// the file and the path inside it.
struct UntrustedFile {
  std::string name;  ///< what messages call the file
  Handle file;

  [[noreturn]] void refuse(std::string_view path, std::string_view problem) const;
  /// Unless a call of libhdf5 succeeded, throws its reason.
  void check(bool succeeded, std::string_view path) const;
  /// Owns an identifier that libhdf5 made; throws its reason when it made none.
  Handle checked(hid_t id, Handle::Closer closer, std::string_view path) const;

  /// Opens the file with these access properties. Closing it will close all that it contains.
  void open_read_only(const std::string& file_name, hid_t access);

  /// What is wrong with an absolute path: nothing when every link on the way is a hard one,
  /// kMissing, or that it is reached through another kind of link.
  std::string wrong_link(const std::string& path) const;
  /// Opens a dataset or a group; H5I_BADID opens either.
  Handle object(const std::string& path, H5I_type_t wanted) const;

  /// Lengths of a dataset's dimensions, as the file claims them.
  std::vector<hsize_t> lengths(hid_t dataset, std::string_view path) const;
  /// How a dataset is stored, which must be inside this file.
  Handle storage(hid_t dataset, std::string_view path) const;
};

/// The product, or nothing when it is above `most`.
std::optional<std::uint64_t> product_up_to(std::span<const hsize_t> factors, std::uint64_t most);

/// "[3, 4]".
std::string describe_shape(const std::vector<std::int64_t>& shape);

}  // namespace enas::io
