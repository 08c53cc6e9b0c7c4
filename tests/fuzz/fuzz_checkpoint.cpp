// SPDX-License-Identifier: Apache-2.0
// Any bytes as a checkpoint file, and, with a seal that fits, any content that libhdf5 can write:
// the input is read as a list of things to put into an image, of types, shapes, layouts and links
// that a checkpoint never has.
#include <fuzzer/FuzzedDataProvider.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/hdf5_handle.hpp"
#include "io/sealed_file.hpp"
#include "read_everything.hpp"

namespace enas::io {

constexpr std::array kPaths = {
    "/",         "/weights",     "/weights/embedding", "/strategy/baseline", "/jobs",
    "/progress", "/config/keys", "/config/values",     "/deep/er",           "/tokens",
    "/config",   "/strategy"};
constexpr std::array kAttributes = {"format", "format_version", "step", "configuration", "unit"};

using Input = FuzzedDataProvider;

Handle any_type(Input& input) {
  const auto copy = [](hid_t type) { return Handle(H5Tcopy(type), H5Tclose); };
  switch (input.ConsumeIntegralInRange(0, 15)) {
    case 0:
      return copy(H5T_IEEE_F32LE);
    case 1:
      return copy(H5T_IEEE_F64LE);
    case 2:
      return copy(H5T_STD_I32LE);
    case 3:
      return copy(H5T_STD_I64LE);
    case 4:
      return copy(H5T_STD_U8LE);
    case 5:
      return copy(H5T_STD_U64LE);
    case 6:
      return copy(H5T_IEEE_F64BE);
    case 7:
      return copy(H5T_STD_I32BE);
    case 8:
      return string_type(input.ConsumeIntegralInRange<std::size_t>(0, 64));
    case 9:
      return string_type(input.ConsumeBool() ? std::size_t{1} << 31 : 5000);
    case 10: {
      Handle type = string_type(1);
      H5Tset_size(type.id(), H5T_VARIABLE);
      return type;
    }
    case 11: {
      const hsize_t length = input.ConsumeIntegralInRange<hsize_t>(1, 1 << 12);
      return Handle(H5Tarray_create2(H5T_IEEE_F32LE, 1, &length), H5Tclose);
    }
    case 12:
      return Handle(H5Tvlen_create(H5T_IEEE_F32LE), H5Tclose);
    case 13:
      return copy(H5T_STD_REF_OBJ);
    case 14: {
      Handle type(H5Tcreate(H5T_COMPOUND, 12), H5Tclose);
      H5Tinsert(type.id(), "value", 4, H5T_IEEE_F64LE);
      return type;
    }
    default: {
      Handle type = copy(H5T_STD_I32LE);  // 24 of 32 bits
      H5Tset_precision(type.id(), 24);
      return type;
    }
  }
}

/// Mostly small; now and then absurd.
hsize_t any_length(Input& input) {
  if (input.ConsumeIntegralInRange(0, 3) > 0) return input.ConsumeIntegralInRange<hsize_t>(0, 9);
  return hsize_t{1} << input.ConsumeIntegralInRange(4, 62);
}

Handle any_space(Input& input, int& rank) {
  rank = input.ConsumeIntegralInRange(-1, 3);
  if (rank < 0) return Handle(H5Screate(H5S_NULL), H5Sclose);
  if (rank == 0) return Handle(H5Screate(H5S_SCALAR), H5Sclose);
  std::array<hsize_t, 3> lengths{};
  std::array<hsize_t, 3> most{};
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    lengths[i] = any_length(input);
    most[i] = input.ConsumeBool() ? lengths[i] : H5S_UNLIMITED;
  }
  return Handle(H5Screate_simple(rank, lengths.data(), most.data()), H5Sclose);
}

Handle any_storage(Input& input, int rank) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  switch (input.ConsumeIntegralInRange(0, 4)) {
    case 0:
      H5Pset_layout(properties.id(), H5D_COMPACT);
      break;
    case 1:
      H5Pset_external(properties.id(), "elsewhere", 0, H5F_UNLIMITED);
      break;
    case 2:
      break;
    default: {
      std::array<hsize_t, 3> chunk{};
      for (auto& length : chunk) length = any_length(input);
      if (rank > 0) H5Pset_chunk(properties.id(), rank, chunk.data());
      if (input.ConsumeBool()) H5Pset_fletcher32(properties.id());
      if (input.ConsumeBool()) H5Pset_deflate(properties.id(), 1);
      if (input.ConsumeBool()) H5Pset_shuffle(properties.id());
    }
  }
  return properties;
}

/// At least as many bytes as any type above has; none of them is read as an address.
std::vector<std::byte> any_values(Input& input) {
  std::vector<std::byte> values(std::size_t{1} << 15);
  const auto given =
      input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, 64));
  for (std::size_t i = 0; i < given.size(); ++i) values[i] = std::byte{given[i]};
  return values;
}

/// What libhdf5 would write without much memory and without following addresses.
bool may_be_written(hid_t type, hid_t space, std::size_t available) {
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  return H5Tdetect_class(type, H5T_VLEN) <= 0 && H5Tis_variable_str(type) <= 0 && count > 0 &&
         static_cast<std::size_t>(count) <= available / H5Tget_size(type);
}

bool has_small_chunks(hid_t storage) {
  std::array<hsize_t, 3> chunk{};
  if (H5Pget_layout(storage) != H5D_CHUNKED) return true;
  const int rank = H5Pget_chunk(storage, chunk.size(), chunk.data());
  return std::all_of(chunk.begin(), chunk.begin() + std::max(rank, 0),
                     [](hsize_t length) { return length <= 32; });
}

void add_dataset(Input& input, hid_t file, hid_t links) {
  int rank = 0;
  const std::string path = input.PickValueInArray(kPaths);
  const Handle type = any_type(input);
  const Handle space = any_space(input, rank);
  const Handle storage = any_storage(input, rank);
  const Handle made(
      H5Dcreate2(file, path.c_str(), type.id(), space.id(), links, storage.id(), H5P_DEFAULT),
      H5Dclose);
  const auto values = any_values(input);
  if (!made.valid() || H5Pget_external_count(storage.id()) != 0) return;
  if (!has_small_chunks(storage.id())) return;
  if (!may_be_written(type.id(), space.id(), values.size())) return;
  H5Dwrite(made.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

void add_attribute(Input& input, hid_t file) {
  int rank = 0;
  const std::string path = input.PickValueInArray(kPaths);
  const Handle type = any_type(input);
  const Handle space = any_space(input, rank);
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  if (count > 1 << 10 || H5Tget_size(type.id()) > 1 << 16) return;  // libhdf5 would allocate it
  const Handle made(H5Acreate_by_name(file, path.c_str(), input.PickValueInArray(kAttributes),
                                      type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                    H5Aclose);
  const auto values = any_values(input);
  if (made.valid() && may_be_written(type.id(), space.id(), values.size())) {
    H5Awrite(made.id(), type.id(), values.data());
  }
}

void add_link(Input& input, hid_t file, hid_t links) {
  const std::string to = input.PickValueInArray(kPaths);
  const std::string from = input.PickValueInArray(kPaths);
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0:
      H5Lcreate_soft(to.c_str(), file, from.c_str(), links, H5P_DEFAULT);
      break;
    case 1:
      H5Lcreate_external("elsewhere.h5", to.c_str(), file, from.c_str(), links, H5P_DEFAULT);
      break;
    default:
      H5Lcreate_hard(file, to.c_str(), file, from.c_str(), links, H5P_DEFAULT);
  }
}

void add_type(Input& input, hid_t file, hid_t links) {
  const Handle type = any_type(input);
  H5Tcommit2(file, input.PickValueInArray(kPaths), type.id(), links, H5P_DEFAULT, H5P_DEFAULT);
}

std::vector<std::byte> any_image(Input& input) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access.id(), 1 << 16, false);
  if (input.ConsumeBool()) H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.id(), 1);
  const Handle file(H5Fcreate(unique_image_name().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()),
                    H5Fclose);
  for (int i = 0; i < 20 && input.remaining_bytes() > 0; ++i) {
    switch (input.ConsumeIntegralInRange(0, 7)) {
      case 0:
        add_link(input, file.id(), links.id());
        break;
      case 1:
        add_type(input, file.id(), links.id());
        break;
      case 2:
      case 3:
        add_attribute(input, file.id());
        break;
      default:
        add_dataset(input, file.id(), links.id());
    }
  }
  H5Fflush(file.id(), H5F_SCOPE_LOCAL);
  const ssize_t length = H5Fget_file_image(file.id(), nullptr, 0);
  std::vector<std::byte> bytes(length > 0 ? static_cast<std::size_t>(length) : 0);
  H5Fget_file_image(file.id(), bytes.data(), bytes.size());
  H5Eclear2(H5E_DEFAULT);
  return bytes;
}

void read_bytes(const std::uint8_t* data, std::size_t size) {
  static const auto path =
      std::filesystem::temp_directory_path() / ("fuzz_checkpoint." + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try_to([&] { read_everything(Image(read_sealed(path))); });
  std::filesystem::remove(path);
}

}  // namespace enas::io

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  enas::io::silence_hdf5();
  enas::io::read_bytes(data, size);
  FuzzedDataProvider input(data, size);
  enas::io::read_everything(enas::io::Image(enas::io::any_image(input)));
  return 0;
}
