// SPDX-License-Identifier: Apache-2.0
// Reads HDF5 files that lie in memory and that anybody may have written.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/hdf5_image.hpp"
#include "io/hdf5_untrusted.hpp"

namespace enas::io {
namespace {

// libhdf5 asks these functions for memory that holds the file. Each hands it the image itself, so
// that nothing is copied. The file is opened read-only, so nothing is written or resized.
void* hand_out(size_t, H5FD_file_image_op_t, void* image) { return image; }
void* copy_nothing(void* target, const void*, size_t, H5FD_file_image_op_t, void*) {
  return target;
}
void* never_resize(void*, size_t, H5FD_file_image_op_t, void*) { return nullptr; }
herr_t free_nothing(void*, H5FD_file_image_op_t, void*) { return 0; }
void* same_data(void* data) { return data; }
herr_t keep_data(void*) { return 0; }

std::string describe_type(hid_t type) {
  const size_t bits = 8 * H5Tget_size(type);
  const char* order = H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "";
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return concat(order, H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int", bits);
    case H5T_FLOAT:
      return concat(order, "float", bits);
    case H5T_STRING:
      return H5Tis_variable_str(type) > 0 ? "variable-length string" : "fixed-length string";
    default:
      return "a type that this program never writes";
  }
}

std::string up_to_zero(std::string_view bytes) {
  return std::string(bytes.substr(0, bytes.find('\0')));
}

bool is_fixed_string(hid_t type) {
  return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0;
}

}  // namespace

struct ImageReader::File : UntrustedFile {
  Image image;

  /// libhdf5 reads from the image until its file is closed.
  ~File() { file.close(); }

  void open();
  std::vector<std::int64_t> shape(hid_t dataset, const std::string& path) const;
  /// Number of values of so many bytes each, after everything that could make reading them unsafe
  /// was refused.
  std::size_t bounded_count(hid_t dataset, std::size_t value_bytes, const std::string& path) const;
  void check_storage(hid_t dataset, std::size_t value_bytes, const std::string& path) const;
  void check_type(hid_t found, bool equal, std::string_view wanted, const std::string& path) const;
  Handle attribute(const std::string& path, const std::string& attribute_name) const;
  template <typename T>
  T number_attribute(const std::string& path, const std::string& attribute_name) const;
};

void ImageReader::File::open() {
  const Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "/");
  check(H5Pset_fapl_core(access.id(), 1 << 20, false) >= 0, "/");
  void* bytes = const_cast<std::byte*>(image.data());  // the interface knows no const
  H5FD_file_image_callbacks_t callbacks = {hand_out,  copy_nothing, never_resize, free_nothing,
                                           same_data, keep_data,    bytes};
  check(H5Pset_file_image_callbacks(access.id(), &callbacks) >= 0, "/");
  check(H5Pset_file_image(access.id(), bytes, image.size()) >= 0, "/");
  open_read_only(unique_image_name(), access.id());
}

std::vector<std::int64_t> ImageReader::File::shape(hid_t dataset, const std::string& path) const {
  const std::vector<hsize_t> found = lengths(dataset, path);
  return {found.begin(), found.end()};
}

std::size_t ImageReader::File::bounded_count(hid_t dataset, std::size_t value_bytes,
                                             const std::string& path) const {
  const Handle space = checked(H5Dget_space(dataset), H5Sclose, path);
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) refuse(path, "has no values");
  // Nothing is compressed, so a dataset never holds more than its file.
  const std::size_t most = image.size() / value_bytes;
  if (most == 0) refuse(path, concat("claims values of ", value_bytes, " bytes"));
  const std::optional<std::uint64_t> count = product_up_to(lengths(dataset, path), most);
  if (!count) {
    refuse(path, concat("claims shape ", describe_shape(shape(dataset, path)),
                        ", more than the file's ", image.size(), " bytes can hold"));
  }
  if (*count > 0) check_storage(dataset, value_bytes, path);
  return *count;
}

void ImageReader::File::check_storage(hid_t dataset, std::size_t value_bytes,
                                      const std::string& path) const {
  const Handle properties = storage(dataset, path);
  const int num_filters = H5Pget_nfilters(properties.id());
  check(num_filters >= 0, path);
  for (unsigned i = 0; i < static_cast<unsigned>(num_filters); ++i) {
    unsigned flags = 0;
    size_t num_values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties.id(), i, &flags, &num_values, nullptr, 0, nullptr, nullptr);
    if (filter != H5Z_FILTER_FLETCHER32) {
      refuse(path, concat("uses HDF5 filter ", filter, "; only fletcher32 is allowed"));
    }
  }
  if (H5Pget_layout(properties.id()) != H5D_CHUNKED) return;
  std::array<hsize_t, H5S_MAX_RANK> chunk{};
  const int rank = H5Pget_chunk(properties.id(), H5S_MAX_RANK, chunk.data());
  check(rank > 0, path);
  const std::span<const hsize_t> used = std::span(chunk).first(static_cast<std::size_t>(rank));
  if (product_up_to(used, image.size() / value_bytes).value_or(0) == 0) {
    refuse(path, "has chunks larger than the file");
  }
}

void ImageReader::File::check_type(hid_t found, bool equal, std::string_view wanted,
                                   const std::string& path) const {
  if (equal) return;
  refuse(path, concat("has type ", describe_type(found), ", expected ", wanted));
}

Handle ImageReader::File::attribute(const std::string& path,
                                    const std::string& attribute_name) const {
  const Handle owner = object(path, H5I_BADID);
  const std::string where = concat(path, "@", attribute_name);
  if (H5Aexists(owner.id(), attribute_name.c_str()) <= 0) refuse(where, "does not exist");
  Handle found = checked(H5Aopen(owner.id(), attribute_name.c_str(), H5P_DEFAULT), H5Aclose, where);
  const Handle space = checked(H5Aget_space(found.id()), H5Sclose, where);
  if (H5Sget_simple_extent_type(space.id()) != H5S_SCALAR) refuse(where, "is not a single value");
  return found;
}

template <typename T>
T ImageReader::File::number_attribute(const std::string& path,
                                      const std::string& attribute_name) const {
  const Handle found = attribute(path, attribute_name);
  const std::string where = concat(path, "@", attribute_name);
  const Handle type = checked(H5Aget_type(found.id()), H5Tclose, where);
  check_type(type.id(), H5Tequal(type.id(), stored_type<T>()) > 0, describe_type(stored_type<T>()),
             where);
  T value{};
  check(H5Aread(found.id(), memory_type<T>(), &value) >= 0, where);
  return value;
}

ImageReader::ImageReader(Image image, std::string name) : file_(std::make_unique<File>()) {
  silence_hdf5();
  file_->image = std::move(image);
  file_->name = std::move(name);
  if (file_->image.size() == 0) throw InputError(concat(file_->name, " is empty"));
  file_->open();
}

ImageReader::~ImageReader() = default;

bool ImageReader::exists(const std::string& path) const { return file_->wrong_link(path).empty(); }

std::vector<std::string> ImageReader::members(const std::string& group) const {
  const Handle opened = file_->object(group, H5I_GROUP);
  std::vector<std::string> names;
  const auto keep = [](hid_t, const char* name, const H5L_info_t*, void* data) noexcept -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  hsize_t index = 0;
  file_->check(H5Literate(opened.id(), H5_INDEX_NAME, H5_ITER_NATIVE, &index, keep, &names) >= 0,
               group);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::int64_t> ImageReader::shape(const std::string& path) const {
  const Handle dataset = file_->object(path, H5I_DATASET);
  return file_->shape(dataset.id(), path);
}

std::string ImageReader::kind(const std::string& path) const {
  const Handle opened = file_->object(path, H5I_BADID);
  if (H5Iget_type(opened.id()) == H5I_GROUP) return "group";
  const Handle dataset = file_->object(path, H5I_DATASET);
  return describe_type(file_->checked(H5Dget_type(dataset.id()), H5Tclose, path).id());
}

template <typename T>
std::vector<T> ImageReader::read(const std::string& path) const {
  const Handle dataset = file_->object(path, H5I_DATASET);
  std::vector<T> values(file_->bounded_count(dataset.id(), sizeof(T), path));
  read_into<T>(path, values, shape(path));
  return values;
}

template <typename T>
void ImageReader::read_into(const std::string& path, std::span<T> values,
                            std::span<const std::int64_t> shape) const {
  const Handle dataset = file_->object(path, H5I_DATASET);
  const std::size_t count = file_->bounded_count(dataset.id(), sizeof(T), path);
  const Handle type = file_->checked(H5Dget_type(dataset.id()), H5Tclose, path);
  file_->check_type(type.id(), H5Tequal(type.id(), stored_type<T>()) > 0,
                    describe_type(stored_type<T>()), path);
  const std::vector<std::int64_t> found = this->shape(path);
  if (!std::ranges::equal(found, shape)) {
    file_->refuse(path, concat("has shape ", describe_shape(found), ", expected ",
                               describe_shape({shape.begin(), shape.end()})));
  }
  expect(count == values.size(), concat("buffer for ", path, " does not fit its shape"));
  if (count == 0) return;
  file_->check(
      H5Dread(dataset.id(), memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
      path);
}

std::vector<std::string> ImageReader::read_strings(const std::string& path) const {
  const Handle dataset = file_->object(path, H5I_DATASET);
  const Handle type = file_->checked(H5Dget_type(dataset.id()), H5Tclose, path);
  file_->check_type(type.id(), is_fixed_string(type.id()), "fixed-length string", path);
  const std::size_t length = H5Tget_size(type.id());
  file_->check(length > 0, path);
  std::string bytes(file_->bounded_count(dataset.id(), length, path) * length, '\0');
  if (bytes.empty()) return {};
  file_->check(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0,
               path);
  std::vector<std::string> values;
  for (std::size_t at = 0; at < bytes.size(); at += length) {
    values.push_back(up_to_zero(std::string_view(bytes).substr(at, length)));
  }
  return values;
}

bool ImageReader::has_attribute(const std::string& path, const std::string& name) const {
  if (!exists(path)) return false;
  return H5Aexists(file_->object(path, H5I_BADID).id(), name.c_str()) > 0;
}

std::string ImageReader::string_attribute(const std::string& path, const std::string& name) const {
  const Handle found = file_->attribute(path, name);
  const std::string where = concat(path, "@", name);
  const Handle type = file_->checked(H5Aget_type(found.id()), H5Tclose, where);
  file_->check_type(type.id(), is_fixed_string(type.id()), "fixed-length string", where);
  const std::size_t length = H5Tget_size(type.id());
  if (length > file_->image.size()) file_->refuse(where, "claims more text than its file holds");
  std::string bytes(length, '\0');
  file_->check(H5Aread(found.id(), type.id(), bytes.data()) >= 0, where);
  return up_to_zero(bytes);
}

std::int64_t ImageReader::int_attribute(const std::string& path, const std::string& name) const {
  return file_->number_attribute<std::int64_t>(path, name);
}

double ImageReader::double_attribute(const std::string& path, const std::string& name) const {
  return file_->number_attribute<double>(path, name);
}

template std::vector<float> ImageReader::read(const std::string&) const;
template std::vector<double> ImageReader::read(const std::string&) const;
template std::vector<std::int32_t> ImageReader::read(const std::string&) const;
template std::vector<std::int64_t> ImageReader::read(const std::string&) const;
template std::vector<std::uint8_t> ImageReader::read(const std::string&) const;
template std::vector<std::uint64_t> ImageReader::read(const std::string&) const;

template void ImageReader::read_into(const std::string&, std::span<float>,
                                     std::span<const std::int64_t>) const;
template void ImageReader::read_into(const std::string&, std::span<double>,
                                     std::span<const std::int64_t>) const;
template void ImageReader::read_into(const std::string&, std::span<std::int32_t>,
                                     std::span<const std::int64_t>) const;
template void ImageReader::read_into(const std::string&, std::span<std::int64_t>,
                                     std::span<const std::int64_t>) const;
template void ImageReader::read_into(const std::string&, std::span<std::uint8_t>,
                                     std::span<const std::int64_t>) const;
template void ImageReader::read_into(const std::string&, std::span<std::uint64_t>,
                                     std::span<const std::int64_t>) const;

}  // namespace enas::io
