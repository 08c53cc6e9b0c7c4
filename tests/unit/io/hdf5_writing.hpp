// SPDX-License-Identifier: Apache-2.0
// HDF5 files as other people write them, for tests of the readers.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/hdf5_handle.hpp"

namespace enas::io {

/// How a dataset is stored; contiguous when `chunk` is empty.
struct Storing {
  std::vector<hsize_t> chunk = {};
  bool compressed = false;
  bool resizable = false;
};

class Hdf5Writing {
 public:
  explicit Hdf5Writing(const std::filesystem::path& path, hsize_t user_block = 0) {
    const Handle properties(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_userblock(properties.id(), user_block);
    file_ = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, properties.id(), H5P_DEFAULT), H5Fclose);
    EXPECT_TRUE(file_.valid());
  }
  hid_t id() const { return file_.id(); }

  /// A dataset without values.
  Handle make(const std::string& name, hid_t type, const std::vector<hsize_t>& shape,
              const Storing& storing = {}) {
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (!storing.chunk.empty()) {
      H5Pset_chunk(properties.id(), static_cast<int>(storing.chunk.size()), storing.chunk.data());
    }
    if (storing.compressed) H5Pset_deflate(properties.id(), 9);
    const std::vector<hsize_t> unlimited(shape.size(), H5S_UNLIMITED);
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(),
                                        storing.resizable ? unlimited.data() : nullptr),
                       H5Sclose);
    Handle dataset(
        H5Dcreate2(id(), name.c_str(), type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
        H5Dclose);
    EXPECT_TRUE(dataset.valid()) << name;
    return dataset;
  }

  /// Stored as `type`, which may be any that libhdf5 converts T to.
  template <typename T>
  void write(const std::string& name, hid_t type, const std::vector<hsize_t>& shape,
             const std::vector<T>& values, const Storing& storing = {}) {
    const Handle dataset = make(name, type, shape, storing);
    EXPECT_GE(
        H5Dwrite(dataset.id(), memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  }

  void attribute(const std::string& name, const std::string& attribute, const std::string& text,
                 bool variable_length) {
    const Handle type(string_type(text.size()));
    if (variable_length) H5Tset_size(type.id(), H5T_VARIABLE);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle created(H5Acreate_by_name(id(), name.c_str(), attribute.c_str(), type.id(),
                                           space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
    const char* pointer = text.c_str();
    const void* value = pointer;
    if (variable_length) value = &pointer;
    EXPECT_GE(H5Awrite(created.id(), type.id(), value), 0);
  }

 private:
  Handle file_;
};

}  // namespace enas::io
