// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_untrusted.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::io {

void UntrustedFile::refuse(std::string_view path, std::string_view problem) const {
  throw InputError(concat(name, ": \"", path, "\" ", problem));
}

void UntrustedFile::check(bool succeeded, std::string_view path) const {
  if (!succeeded) refuse(path, "cannot be read: " + hdf5_reason());
}

Handle UntrustedFile::checked(hid_t id, Handle::Closer closer, std::string_view path) const {
  check(id >= 0, path);
  return Handle(id, closer);
}

void UntrustedFile::open_read_only(const std::string& file_name, hid_t access) {
  check(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0, "/");
  const hid_t id = H5Fopen(file_name.c_str(), H5F_ACC_RDONLY, access);
  if (id < 0) throw InputError(concat(name, " is not a readable HDF5 file: ", hdf5_reason()));
  file = Handle(id, H5Fclose);
}

std::string UntrustedFile::wrong_link(const std::string& path) const {
  expect(path.starts_with('/'), concat("HDF5 path \"", path, "\" is not absolute"));
  if (path == "/") return "";
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    H5L_info_t info{};
    if (H5Lexists(file.id(), part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(file.id(), part.c_str(), &info, H5P_DEFAULT) < 0) {
      H5Eclear2(H5E_DEFAULT);
      return std::string(kMissing);
    }
    if (info.type != H5L_TYPE_HARD) return "is reached through a soft or external link";
  }
  return "";
}

Handle UntrustedFile::object(const std::string& path, H5I_type_t wanted) const {
  const std::string wrong = wrong_link(path);
  if (!wrong.empty()) refuse(path, wrong);
  Handle opened = checked(H5Oopen(file.id(), path.c_str(), H5P_DEFAULT), H5Oclose, path);
  if (wanted != H5I_BADID && H5Iget_type(opened.id()) != wanted) {
    refuse(path, wanted == H5I_DATASET ? "is not a dataset" : "is not a group");
  }
  return opened;
}

std::vector<hsize_t> UntrustedFile::lengths(hid_t dataset, std::string_view path) const {
  const Handle space = checked(H5Dget_space(dataset), H5Sclose, path);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  check(rank >= 0, path);
  std::vector<hsize_t> found(static_cast<std::size_t>(rank));
  if (rank > 0) check(H5Sget_simple_extent_dims(space.id(), found.data(), nullptr) >= 0, path);
  return found;
}

Handle UntrustedFile::storage(hid_t dataset, std::string_view path) const {
  Handle properties = checked(H5Dget_create_plist(dataset), H5Pclose, path);
  if (H5Pget_layout(properties.id()) == H5D_VIRTUAL ||
      H5Pget_external_count(properties.id()) != 0) {
    refuse(path, "keeps its values in other files");
  }
  return properties;
}

std::optional<std::uint64_t> product_up_to(std::span<const hsize_t> factors, std::uint64_t most) {
  std::uint64_t product = 1;
  for (const hsize_t factor : factors) {
    if (factor == 0) return 0;
    if (factor > most / product) return std::nullopt;
    product *= factor;
  }
  return product;
}

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  return concat("[", join(shape, ", "), "]");
}

}  // namespace enas::io
