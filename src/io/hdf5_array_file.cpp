// SPDX-License-Identifier: Apache-2.0
// Reads datasets of HDF5 files that anybody may have written. Every length is held against the
// file's size before it is used, and nothing leads out of the file.
#include "io/hdf5_array_file.hpp"

#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/hdf5_handle.hpp"
#include "io/mapped_file.hpp"

namespace enas::io {
namespace {

constexpr const char* kMissing = "does not exist";

// Deflate, the best of the usual filters, makes 1032 bytes of one at most.
constexpr std::uint64_t kMostExpansion = 1032;
constexpr std::size_t kLongestText = 1000;

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  return concat("[", join(shape, ", "), "]");
}

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

struct Hdf5ArrayFile::File {
  std::string name;
  std::uint64_t num_bytes = 0;
  Handle file;

  [[noreturn]] void refuse(std::string_view path, std::string_view problem) const {
    throw InputError(concat(name, ": \"", path, "\" ", problem));
  }
  void check(bool succeeded, std::string_view path) const {
    if (!succeeded) refuse(path, "cannot be read: " + hdf5_reason());
  }
  Handle checked(hid_t id, Handle::Closer closer, std::string_view path) const {
    check(id >= 0, path);
    return Handle(id, closer);
  }

  void open(const std::filesystem::path& path);
  /// "" when every link on the way is a hard one, else what is wrong.
  std::string wrong_link(const std::string& path) const;
  Handle dataset(const std::string& path) const;
  std::vector<std::int64_t> shape(hid_t opened, const std::string& path) const;
  /// Number of values, after everything that could make reading them unsafe was refused.
  std::size_t bounded_count(hid_t opened, const std::string& path) const;
  std::string attribute_text(hid_t attribute, const std::string& where) const;
};

void Hdf5ArrayFile::File::open(const std::filesystem::path& path) {
  const Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "/");
  check(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG) >= 0, "/");
  // Some shared file systems know no locks, and a reader needs none.
  check(H5Pset_file_locking(access.id(), false, true) >= 0, "/");
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  if (id < 0) throw InputError(concat(name, " is not a readable HDF5 file: ", hdf5_reason()));
  file = Handle(id, H5Fclose);
}

std::string Hdf5ArrayFile::File::wrong_link(const std::string& path) const {
  expect(path.size() > 1 && path.starts_with('/'), concat("HDF5 path \"", path, "\" is absolute"));
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    H5L_info_t info{};
    if (H5Lexists(file.id(), part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(file.id(), part.c_str(), &info, H5P_DEFAULT) < 0) {
      H5Eclear2(H5E_DEFAULT);
      return kMissing;
    }
    if (info.type != H5L_TYPE_HARD) return "is reached through a soft or external link";
  }
  return "";
}

Handle Hdf5ArrayFile::File::dataset(const std::string& path) const {
  const std::string wrong = wrong_link(path);
  if (!wrong.empty()) refuse(path, wrong);
  Handle opened = checked(H5Oopen(file.id(), path.c_str(), H5P_DEFAULT), H5Oclose, path);
  if (H5Iget_type(opened.id()) != H5I_DATASET) refuse(path, "is not a dataset");
  return opened;
}

std::vector<std::int64_t> Hdf5ArrayFile::File::shape(hid_t opened, const std::string& path) const {
  const Handle space = checked(H5Dget_space(opened), H5Sclose, path);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  check(rank >= 0, path);
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  if (rank > 0) check(H5Sget_simple_extent_dims(space.id(), lengths.data(), nullptr) >= 0, path);
  std::vector<std::int64_t> shape;
  for (const hsize_t length : lengths) {
    if (length > static_cast<hsize_t>(std::numeric_limits<std::int64_t>::max())) {
      refuse(path, concat("claims a length of ", length));
    }
    shape.push_back(static_cast<std::int64_t>(length));
  }
  return shape;
}

std::size_t Hdf5ArrayFile::File::bounded_count(hid_t opened, const std::string& path) const {
  const Handle properties = checked(H5Dget_create_plist(opened), H5Pclose, path);
  if (H5Pget_layout(properties.id()) == H5D_VIRTUAL ||
      H5Pget_external_count(properties.id()) != 0) {
    refuse(path, "keeps its values in other files");
  }
  const Handle space = checked(H5Dget_space(opened), H5Sclose, path);
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) refuse(path, "has no values");
  const Handle type = checked(H5Dget_type(opened), H5Tclose, path);
  const bool filtered = H5Pget_nfilters(properties.id()) > 0;
  const std::uint64_t most = num_bytes * (filtered ? kMostExpansion : 1) / H5Tget_size(type.id());
  const auto check_product = [&](const auto& lengths, std::string_view what) {
    std::uint64_t count = 1;
    for (const auto length : lengths) {
      if (length == 0) return std::uint64_t{0};
      if (static_cast<std::uint64_t>(length) > most / count) {
        refuse(path, concat(what, "more values than the file's ", num_bytes, " bytes can hold"));
      }
      count *= static_cast<std::uint64_t>(length);
    }
    return count;
  };
  const std::vector<std::int64_t> found = shape(opened, path);
  const std::uint64_t count =
      check_product(found, concat("claims shape ", describe_shape(found), ", "));
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
