// SPDX-License-Identifier: Apache-2.0
// A sealed checkpoint of which one thing is changed and whose seal fits again.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "io/hdf5_handle.hpp"
#include "io/sealed_file.hpp"

namespace enas::search {

/// Changes the open HDF5 file.
using Edit = std::function<void(hid_t file)>;

/// Writes `image` to `path`, changed and sealed.
inline void write_edited(const std::filesystem::path& path, const std::vector<std::byte>& image,
                         const Edit& edit) {
  const std::filesystem::path plain = path.string() + ".plain";
  std::ofstream(plain, std::ios::binary)
      .write(reinterpret_cast<const char*>(image.data()),
             static_cast<std::streamsize>(image.size()));
  {
    const io::Handle file(H5Fopen(plain.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    ASSERT_TRUE(file.valid());
    edit(file.id());
  }
  std::ifstream in(plain, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(plain);
  io::write_sealed(path, std::as_bytes(std::span(bytes)));
}

inline Edit without_dataset(const std::string& path) {
  return [=](hid_t file) { EXPECT_GE(H5Ldelete(file, path.c_str(), H5P_DEFAULT), 0) << path; };
}

inline Edit without_attribute(const std::string& group, const std::string& name) {
  return [=](hid_t file) {
    EXPECT_GE(H5Adelete_by_name(file, group.c_str(), name.c_str(), H5P_DEFAULT), 0) << name;
  };
}

template <typename T>
Edit with_attribute(const std::string& group, const std::string& name, T value) {
  return [=](hid_t file) {
    const io::Handle object(H5Oopen(file, group.c_str(), H5P_DEFAULT), H5Oclose);
    const io::Handle attribute(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), H5Aclose);
    EXPECT_GE(H5Awrite(attribute.id(), io::memory_type<T>(), &value), 0) << name;
  };
}

/// The dataset with another type and shape.
template <typename T>
Edit with_dataset(const std::string& path, const std::vector<hsize_t>& shape,
                  const std::vector<T>& values) {
  return [=](hid_t file) {
    without_dataset(path)(file);
    const io::Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                           H5Sclose);
    const io::Handle dataset(H5Dcreate2(file, path.c_str(), io::memory_type<T>(), space.id(),
                                        H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                             H5Dclose);
    EXPECT_GE(
        H5Dwrite(dataset.id(), io::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        0)
        << path;
  };
}

/// The last value of a dataset replaced.
template <typename T>
Edit with_value(const std::string& path, T value) {
  return [=](hid_t file) {
    const io::Handle dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose);
    const io::Handle space(H5Dget_space(dataset.id()), H5Sclose);
    std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id())));
    EXPECT_GE(
        H5Dread(dataset.id(), io::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        0);
    values.back() = value;
    EXPECT_GE(
        H5Dwrite(dataset.id(), io::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        0)
        << path;
  };
}

}  // namespace enas::search
