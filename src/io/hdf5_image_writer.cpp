// SPDX-License-Identifier: Apache-2.0
// Builds HDF5 files with the core driver and takes over the driver's buffer when the file closes,
// so a large file is never in memory twice.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/hdf5_handle.hpp"
#include "io/hdf5_image.hpp"

namespace enas::io {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr hsize_t kChunkBytes = kMiB;

/// What the driver leaves behind when it closes the file.
struct Buffer {
  std::shared_ptr<std::byte> bytes;
};

void* allocate(size_t size, H5FD_file_image_op_t, void*) { return std::malloc(size); }

void* copy(void* target, const void* source, size_t size, H5FD_file_image_op_t, void*) {
  return std::memcpy(target, source, size);
}

void* resize(void* bytes, size_t size, H5FD_file_image_op_t, void*) {
  return std::realloc(bytes, size);
}

herr_t release(void* bytes, H5FD_file_image_op_t operation, void* data) {
  if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
    static_cast<Buffer*>(data)->bytes.reset(static_cast<std::byte*>(bytes), std::free);
  } else {
    std::free(bytes);
  }
  return 0;
}

void* same_data(void* data) { return data; }
herr_t keep_data(void*) { return 0; }

void check(bool succeeded, std::string_view call, std::string_view path) {
  if (succeeded) return;
  throw SystemError(concat("HDF5 call ", call, " failed for \"", path, "\": ", hdf5_reason()),
                    ExitCode::internal);
}

Handle checked(hid_t id, Handle::Closer closer, std::string_view call, std::string_view path) {
  check(id >= 0, call, path);
  return Handle(id, closer);
}

/// At most kChunkBytes, cut along the first dimensions first, in pieces of about the same size
/// because the file holds the last one in full.
std::vector<hsize_t> chunk_shape(const std::vector<hsize_t>& shape, std::size_t value_bytes) {
  std::vector<hsize_t> chunk = shape;
  hsize_t bytes =
      std::accumulate(shape.begin(), shape.end(), hsize_t{value_bytes}, std::multiplies<hsize_t>());
  for (hsize_t& length : chunk) {
    if (bytes <= kChunkBytes) break;
    const hsize_t slice_bytes = bytes / length;
    const hsize_t longest = std::max<hsize_t>(1, kChunkBytes / slice_bytes);
    const hsize_t pieces = (length + longest - 1) / longest;
    length = (length + pieces - 1) / pieces;
    bytes = slice_bytes * length;
  }
  return chunk;
}

Handle access_properties(std::size_t expected_bytes, Buffer& buffer) {
  Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "H5Pcreate", "/");
  // The buffer grows by whole increments: without room for the structure beside the values, the
  // last one would stay empty.
  const std::size_t wanted = expected_bytes + expected_bytes / 64 + kMiB / 4;
  const std::size_t increment = std::clamp(wanted / 8, kMiB, 64 * kMiB);
  check(H5Pset_fapl_core(access.id(), increment, false) >= 0, "H5Pset_fapl_core", "/");
  check(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG) >= 0, "H5Pset_fclose_degree", "/");
  H5FD_file_image_callbacks_t callbacks = {allocate,  copy,      resize, release,
                                           same_data, keep_data, &buffer};
  check(H5Pset_file_image_callbacks(access.id(), &callbacks) >= 0, "H5Pset_file_image_callbacks",
        "/");
  return access;
}

}  // namespace

struct ImageWriter::File {
  Buffer buffer;  // outlives the handles, whose close fills it
  Handle file;
  Handle link_properties;

  Handle make_dataset(const std::string& path, hid_t type, std::span<const std::int64_t> shape,
                      std::size_t num_values) const;
  void attribute(const std::string& path, const std::string& name, hid_t stored, hid_t memory,
                 const void* value) const;
};

Handle ImageWriter::File::make_dataset(const std::string& path, hid_t type,
                                       std::span<const std::int64_t> shape,
                                       std::size_t num_values) const {
  expect(path.starts_with('/'), concat("HDF5 path \"", path, "\" is not absolute"));
  std::vector<hsize_t> lengths;
  hsize_t product = 1;
  for (const std::int64_t length : shape) {
    expect(length >= 0, concat("negative length in the shape of ", path));
    lengths.push_back(static_cast<hsize_t>(length));
    product *= lengths.back();
  }
  expect(product == num_values, concat(path, ": ", num_values, " values for a shape of ", product));

  const Handle properties = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "H5Pcreate", path);
  // Without times, and with what no value covers set to zero, the same values give the same bytes.
  check(H5Pset_obj_track_times(properties.id(), false) >= 0, "H5Pset_obj_track_times", path);
  check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_ALLOC) >= 0, "H5Pset_fill_time", path);
  const int rank = static_cast<int>(lengths.size());
  if (rank > 0 && num_values > 0) {
    const std::vector<hsize_t> chunk = chunk_shape(lengths, H5Tget_size(type));
    check(H5Pset_chunk(properties.id(), rank, chunk.data()) >= 0, "H5Pset_chunk", path);
    check(H5Pset_fletcher32(properties.id()) >= 0, "H5Pset_fletcher32", path);
  }
  const Handle space =
      checked(rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, lengths.data(), nullptr),
              H5Sclose, "H5Screate", path);
  return checked(H5Dcreate2(file.id(), path.c_str(), type, space.id(), link_properties.id(),
                            properties.id(), H5P_DEFAULT),
                 H5Dclose, "H5Dcreate2", path);
}

void ImageWriter::File::attribute(const std::string& path, const std::string& name, hid_t stored,
                                  hid_t memory, const void* value) const {
  const Handle space = checked(H5Screate(H5S_SCALAR), H5Sclose, "H5Screate", path);
  const Handle object =
      checked(H5Oopen(file.id(), path.c_str(), H5P_DEFAULT), H5Oclose, "H5Oopen", path);
  const std::string where = concat(path, "@", name);
  const Handle made =
      checked(H5Acreate2(object.id(), name.c_str(), stored, space.id(), H5P_DEFAULT, H5P_DEFAULT),
              H5Aclose, "H5Acreate2", where);
  check(H5Awrite(made.id(), memory, value) >= 0, "H5Awrite", where);
}

ImageWriter::ImageWriter(std::size_t expected_bytes) : file_(std::make_unique<File>()) {
  silence_hdf5();
  const Handle access = access_properties(expected_bytes, file_->buffer);
  // Thousands of small datasets of one chunk each: the default index would take 3 KiB a dataset.
  const Handle creation = checked(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "H5Pcreate", "/");
  check(H5Pset_istore_k(creation.id(), 4) >= 0, "H5Pset_istore_k", "/");
  file_->file =
      checked(H5Fcreate(unique_image_name().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()),
              H5Fclose, "H5Fcreate", "/");
  file_->link_properties = checked(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "H5Pcreate", "/");
  check(H5Pset_create_intermediate_group(file_->link_properties.id(), 1) >= 0,
        "H5Pset_create_intermediate_group", "/");
}

ImageWriter::~ImageWriter() = default;

void ImageWriter::group(const std::string& path) {
  expect(path.starts_with('/'), concat("HDF5 path \"", path, "\" is not absolute"));
  checked(H5Gcreate2(file_->file.id(), path.c_str(), file_->link_properties.id(), H5P_DEFAULT,
                     H5P_DEFAULT),
          H5Gclose, "H5Gcreate2", path);
}

template <typename T>
void ImageWriter::dataset(const std::string& path, std::span<const T> values,
                          std::span<const std::int64_t> shape) {
  const Handle made = file_->make_dataset(path, stored_type<T>(), shape, values.size());
  if (values.empty()) return;
  check(H5Dwrite(made.id(), memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
        "H5Dwrite", path);
}

void ImageWriter::strings(const std::string& path, const std::vector<std::string>& values) {
  std::size_t longest = 1;
  for (const std::string& value : values) {
    expect(value.find('\0') == std::string::npos, concat(path, ": a string holds a zero byte"));
    longest = std::max(longest, value.size());
  }
  std::string bytes(values.size() * longest, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) values[i].copy(&bytes[i * longest], longest);
  const Handle type = string_type(longest);
  check(type.valid(), "H5Tcopy", path);
  const std::int64_t length = static_cast<std::int64_t>(values.size());
  const Handle made = file_->make_dataset(path, type.id(), {&length, 1}, values.size());
  if (values.empty()) return;
  check(H5Dwrite(made.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0,
        "H5Dwrite", path);
}

void ImageWriter::attribute(const std::string& path, const std::string& name,
                            const std::string& value) {
  expect(value.find('\0') == std::string::npos, concat(path, "@", name, " holds a zero byte"));
  expect(value.size() <= kLongestAttribute,
         concat(path, "@", name, " has ", value.size(), " bytes; at most ", kLongestAttribute));
  const Handle type = string_type(value.size());
  check(type.valid(), "H5Tcopy", path);
  file_->attribute(path, name, type.id(), type.id(), value.c_str());
}

void ImageWriter::attribute(const std::string& path, const std::string& name, std::int64_t value) {
  file_->attribute(path, name, stored_type<std::int64_t>(), memory_type<std::int64_t>(), &value);
}

void ImageWriter::attribute(const std::string& path, const std::string& name, double value) {
  file_->attribute(path, name, stored_type<double>(), memory_type<double>(), &value);
}

Image ImageWriter::finish() {
  expect(file_->file.valid(), "finish() was called twice on one ImageWriter");
  // The driver's buffer is longer than the file, and H5Fget_filesize may be shorter before the
  // close. Neither counts what is still to be flushed.
  check(H5Fflush(file_->file.id(), H5F_SCOPE_LOCAL) >= 0, "H5Fflush", "/");
  const ssize_t length = H5Fget_file_image(file_->file.id(), nullptr, 0);
  check(length > 0, "H5Fget_file_image", "/");
  check(file_->file.close(), "H5Fclose", "/");
  check(file_->buffer.bytes != nullptr, "H5Fclose", "/");
  return Image(std::move(file_->buffer.bytes), static_cast<std::size_t>(length));
}

template void ImageWriter::dataset(const std::string&, std::span<const float>,
                                   std::span<const std::int64_t>);
template void ImageWriter::dataset(const std::string&, std::span<const double>,
                                   std::span<const std::int64_t>);
template void ImageWriter::dataset(const std::string&, std::span<const std::int32_t>,
                                   std::span<const std::int64_t>);
template void ImageWriter::dataset(const std::string&, std::span<const std::int64_t>,
                                   std::span<const std::int64_t>);
template void ImageWriter::dataset(const std::string&, std::span<const std::uint8_t>,
                                   std::span<const std::int64_t>);
template void ImageWriter::dataset(const std::string&, std::span<const std::uint64_t>,
                                   std::span<const std::int64_t>);

}  // namespace enas::io
