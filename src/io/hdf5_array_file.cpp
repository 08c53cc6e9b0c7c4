// SPDX-License-Identifier: Apache-2.0
// Reads datasets of HDF5 files that anybody may have written. Every length is held against the
// file's size before it is used, and nothing leads out of the file.
#include "io/hdf5_array_file.hpp"

#include <limits>
#include <span>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/hdf5_untrusted.hpp"
#include "io/mapped_file.hpp"

namespace enas::io {
namespace {

// Deflate, the best of the usual filters, makes 1032 bytes of one at most.
constexpr std::uint64_t kMostExpansion = 1032;
constexpr std::size_t kLongestText = 1000;

bool is_plain_byte(hid_t type) {
  return H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 1 &&
         H5Tget_precision(type) == 8 && H5Tget_sign(type) == H5T_SGN_NONE;
}

std::string describe_type(hid_t type) {
  const size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return concat(H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int", bits);
    case H5T_FLOAT:
      return concat("float", bits);
    case H5T_ENUM:
      return "enumeration (bool in h5py)";
    case H5T_STRING:
      return "string";
    default:
      return "neither integer, float nor string";
  }
}

}  // namespace

struct Hdf5ArrayFile::File : UntrustedFile {
  std::uint64_t num_bytes = 0;

  void open(const std::filesystem::path& path);
  Handle dataset(const std::string& path) const { return object(path, H5I_DATASET); }
  std::vector<std::int64_t> shape(hid_t dataset, const std::string& path) const;
  /// Number of values, after everything that could make reading them unsafe was refused.
  std::size_t bounded_count(hid_t dataset, const std::string& path) const;
  std::string attribute_text(hid_t attribute, const std::string& where) const;
};

void Hdf5ArrayFile::File::open(const std::filesystem::path& path) {
  const Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "/");
  // Some shared file systems know no locks, and a reader needs none.
  check(H5Pset_file_locking(access.id(), false, true) >= 0, "/");
  open_read_only(path.string(), access.id());
}

std::vector<std::int64_t> Hdf5ArrayFile::File::shape(hid_t dataset, const std::string& path) const {
  std::vector<std::int64_t> shape;
  for (const hsize_t length : lengths(dataset, path)) {
    if (length > static_cast<hsize_t>(std::numeric_limits<std::int64_t>::max())) {
      refuse(path, concat("claims a length of ", length));
    }
    shape.push_back(static_cast<std::int64_t>(length));
  }
  return shape;
}

std::size_t Hdf5ArrayFile::File::bounded_count(hid_t dataset, const std::string& path) const {
  const Handle properties = storage(dataset, path);
  const Handle space = checked(H5Dget_space(dataset), H5Sclose, path);
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) refuse(path, "has no values");
  const Handle type = checked(H5Dget_type(dataset), H5Tclose, path);
  const bool filtered = H5Pget_nfilters(properties.id()) > 0;
  const std::uint64_t most = num_bytes * (filtered ? kMostExpansion : 1) / H5Tget_size(type.id());
  const auto check_product = [&](std::span<const hsize_t> factors, std::string_view what) {
    const std::optional<std::uint64_t> count = product_up_to(factors, most);
    if (!count) {
      refuse(path, concat(what, "more values than the file's ", num_bytes, " bytes can hold"));
    }
    return *count;
  };
  const std::string claim = concat("claims shape ", describe_shape(shape(dataset, path)), ", ");
  const std::vector<hsize_t> found = lengths(dataset, path);
  const std::uint64_t count = check_product(found, claim);
  if (H5Pget_layout(properties.id()) == H5D_CHUNKED) {
    std::vector<hsize_t> chunk(found.size());
    check(H5Pget_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data()) >= 0, path);
    check_product(chunk, "has chunks of ");
  }
  return static_cast<std::size_t>(count);
}

std::string Hdf5ArrayFile::File::attribute_text(hid_t attribute, const std::string& where) const {
  const Handle type = checked(H5Aget_type(attribute), H5Tclose, where);
  const Handle space = checked(H5Aget_space(attribute), H5Sclose, where);
  if (H5Tget_class(type.id()) != H5T_STRING) refuse(where, "is not a text");
  if (H5Sget_simple_extent_npoints(space.id()) != 1) refuse(where, "is not a single text");
  if (H5Tis_variable_str(type.id()) > 0) {
    char* text = nullptr;
    check(H5Aread(attribute, type.id(), &text) >= 0, where);
    std::string copy = text == nullptr ? "" : std::string(text).substr(0, kLongestText);
    H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, &text);
    return copy;
  }
  if (H5Tget_size(type.id()) > kLongestText) {
    refuse(where, concat("is longer than ", kLongestText, " bytes"));
  }
  std::string text(H5Tget_size(type.id()), '\0');
  check(H5Aread(attribute, type.id(), text.data()) >= 0, where);
  return text.substr(0, text.find('\0'));
}

Hdf5ArrayFile::Hdf5ArrayFile(const std::filesystem::path& path) : file_(std::make_unique<File>()) {
  silence_hdf5();
  file_->name = path.string();
  file_->num_bytes = MappedFile(path).bytes().size();  // libhdf5 would wait for a pipe's writer
  file_->open(path);
}

Hdf5ArrayFile::~Hdf5ArrayFile() = default;

bool Hdf5ArrayFile::exists(const std::string& path) const {
  const std::string wrong = file_->wrong_link(path);
  if (!wrong.empty() && wrong != kMissing) file_->refuse(path, wrong);
  return wrong.empty();
}

std::vector<std::int64_t> Hdf5ArrayFile::shape(const std::string& path) const {
  return file_->shape(file_->dataset(path).id(), path);
}

std::string Hdf5ArrayFile::kind(const std::string& path) const {
  const Handle dataset = file_->dataset(path);
  return describe_type(file_->checked(H5Dget_type(dataset.id()), H5Tclose, path).id());
}

std::optional<std::string> Hdf5ArrayFile::text_attribute(const std::string& path,
                                                         const std::string& name) const {
  const Handle dataset = file_->dataset(path);
  const std::string where = concat(path, "@", name);
  const htri_t found = H5Aexists(dataset.id(), name.c_str());
  file_->check(found >= 0, where);
  if (found == 0) return std::nullopt;
  const Handle attribute =
      file_->checked(H5Aopen(dataset.id(), name.c_str(), H5P_DEFAULT), H5Aclose, where);
  return file_->attribute_text(attribute.id(), where);
}

std::optional<FileRange> Hdf5ArrayFile::range(const std::string& path) const {
  const Handle dataset = file_->dataset(path);
  const Handle type = file_->checked(H5Dget_type(dataset.id()), H5Tclose, path);
  const std::uint64_t count = file_->bounded_count(dataset.id(), path);
  const Handle properties = file_->checked(H5Dget_create_plist(dataset.id()), H5Pclose, path);
  if (H5Pget_layout(properties.id()) != H5D_CONTIGUOUS || !is_plain_byte(type.id())) {
    return std::nullopt;
  }
  const haddr_t offset = H5Dget_offset(dataset.id());
  H5Eclear2(H5E_DEFAULT);
  if (offset == HADDR_UNDEF || H5Dget_storage_size(dataset.id()) != count) return std::nullopt;
  if (offset > file_->num_bytes || count > file_->num_bytes - offset) {
    file_->refuse(path, concat("claims bytes ", offset, " to ", offset + count, " of a file of ",
                               file_->num_bytes));
  }
  return FileRange{offset, count};
}

std::vector<std::uint8_t> Hdf5ArrayFile::read_bytes(const std::string& path) const {
  const Handle dataset = file_->dataset(path);
  const Handle type = file_->checked(H5Dget_type(dataset.id()), H5Tclose, path);
  if (!is_plain_byte(type.id())) {
    file_->refuse(path, concat("has type ", describe_type(type.id()), ", expected uint8"));
  }
  std::vector<std::uint8_t> values(file_->bounded_count(dataset.id(), path));
  if (values.empty()) return values;
  file_->check(
      H5Dread(dataset.id(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
      path);
  return values;
}

std::vector<std::int64_t> Hdf5ArrayFile::read_integers(const std::string& path) const {
  const Handle dataset = file_->dataset(path);
  const Handle type = file_->checked(H5Dget_type(dataset.id()), H5Tclose, path);
  if (H5Tget_class(type.id()) != H5T_INTEGER || H5Tget_size(type.id()) > 8) {
    file_->refuse(path, concat("has type ", describe_type(type.id()), ", expected integers"));
  }
  std::vector<std::int64_t> values(file_->bounded_count(dataset.id(), path));
  if (values.empty()) return values;
  file_->check(
      H5Dread(dataset.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
      path);
  return values;
}

}  // namespace enas::io
