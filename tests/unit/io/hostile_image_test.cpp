// SPDX-License-Identifier: Apache-2.0
// HDF5 files that our writer would never make, built with libhdf5 itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "core/error.hpp"
#include "io/hdf5_handle.hpp"
#include "io/hdf5_image.hpp"

namespace enas::io {
namespace {

/// The bytes of a file that `build` filled.
std::vector<std::byte> build_image(const std::function<void(hid_t)>& build) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access.id(), 1 << 16, false);
  const Handle file(H5Fcreate(unique_image_name().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()),
                    H5Fclose);
  build(file.id());
  H5Fflush(file.id(), H5F_SCOPE_LOCAL);
  std::vector<std::byte> bytes(static_cast<std::size_t>(H5Fget_file_image(file.id(), nullptr, 0)));
  H5Fget_file_image(file.id(), bytes.data(), bytes.size());
  return bytes;
}

/// A dataset without values, chunked by `chunk` where that is not 0.
Handle make_dataset(hid_t file, const char* path, hid_t type, hsize_t length, hsize_t chunk,
                    bool compressed = false) {
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (chunk > 0) H5Pset_chunk(properties.id(), 1, &chunk);
  if (compressed) H5Pset_deflate(properties.id(), 9);
  const Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
  return Handle(H5Dcreate2(file, path, type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                H5Dclose);
}

/// The text of the InputError that `body` must throw.
std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const InputError& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_data);
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

std::string refusal_of_doubles(const ImageReader& reader, const std::string& path) {
  return refusal([&] { reader.read<double>(path); });
}

testing::AssertionResult holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << text << "\" does not hold \"" << part << "\"";
}

TEST(HostileImage, WhatIsNoHdf5FileIsRefused) {
  const auto open = [](std::vector<std::byte> bytes) {
    return [bytes] { ImageReader(bytes, "some file"); };
  };
  EXPECT_TRUE(holds(refusal(open({})), "some file is empty"));
  EXPECT_TRUE(holds(refusal(open(std::vector<std::byte>(1000))), "not a readable HDF5 file"));
  ImageWriter writer(0);
  writer.dataset("/values", std::vector<double>(1000, 1.0));
  const Image image = writer.finish();
  EXPECT_TRUE(holds(refusal(open({image.begin(), image.begin() + image.size() / 2})),
                    "not a readable HDF5 file"));
}

TEST(HostileImage, WrongTypesAreNamed) {
  ImageWriter writer(0);
  writer.dataset("/group/floats", std::vector<float>{1});
  writer.strings("/names", {"a"});
  writer.attribute("/", "number", 1.0);
  writer.attribute("/", "text", "x");
  const ImageReader reader(writer.finish(), "run.h5");
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/group/floats"),
                    "run.h5: \"/group/floats\" has type float32, expected float64"));
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/names"),
                    "has type fixed-length string, expected float64"));
  EXPECT_TRUE(holds(refusal([&] { reader.read<std::int32_t>("/group/floats"); }),
                    "has type float32, expected int32"));
  EXPECT_TRUE(holds(refusal([&] { reader.read_strings("/group/floats"); }),
                    "has type float32, expected fixed-length string"));
  EXPECT_TRUE(holds(refusal([&] { reader.int_attribute("/", "number"); }),
                    "\"/@number\" has type float64, expected int64"));
  EXPECT_TRUE(holds(refusal([&] { reader.double_attribute("/", "text"); }), "expected float64"));
  EXPECT_TRUE(holds(refusal([&] { reader.string_attribute("/", "number"); }),
                    "expected fixed-length string"));
}

TEST(HostileImage, SignSizeAndByteOrderArePartsOfTheType) {
  const ImageReader reader(build_image([](hid_t file) {
                             make_dataset(file, "/unsigned", H5T_STD_U64LE, 1, 0);
                             make_dataset(file, "/short", H5T_STD_I32LE, 1, 0);
                             make_dataset(file, "/big", H5T_STD_I64BE, 1, 0);
                           }),
                           "test");
  const auto refused = [&](const char* path) {
    return refusal([&] { reader.read<std::int64_t>(path); });
  };
  EXPECT_TRUE(holds(refused("/unsigned"), "has type uint64, expected int64"));
  EXPECT_TRUE(holds(refused("/short"), "has type int32, expected int64"));
  EXPECT_TRUE(holds(refused("/big"), "has type big-endian int64, expected int64"));
}

TEST(HostileImage, MissingAndMisplacedThingsAreNamed) {
  ImageWriter writer(0);
  writer.dataset("/group/values", std::vector<double>{1, 2});
  const ImageReader reader(writer.finish(), "test");
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/none"), "\"/none\" does not exist"));
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/group"), "\"/group\" is not a dataset"));
  EXPECT_TRUE(holds(refusal([&] { reader.members("/group/values"); }), "is not a group"));
  EXPECT_TRUE(holds(refusal([&] { reader.double_attribute("/group", "rate"); }),
                    "\"/group@rate\" does not exist"));
  std::vector<double> target(3);
  const std::vector<std::int64_t> shape = {3}, flat = {1, 2};
  EXPECT_TRUE(holds(refusal([&] { reader.read_into<double>("/group/values", target, shape); }),
                    "has shape [2], expected [3]"));
  EXPECT_TRUE(holds(refusal([&] { reader.read_into<double>("/group/values", target, flat); }),
                    "has shape [2], expected [1, 2]"));
  const std::vector<std::int64_t> right = {2};
  EXPECT_THROW(reader.read_into<double>("/group/values", target, right), ContractError);
}

TEST(HostileImage, SoftAndExternalLinksAreNotFollowed) {
  const ImageReader reader(
      build_image([](hid_t file) {
        make_dataset(file, "/values", H5T_IEEE_F64LE, 1, 0);
        const Handle group(H5Gcreate2(file, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                           H5Gclose);
        make_dataset(file, "/group/values", H5T_IEEE_F64LE, 1, 0);
        H5Lcreate_soft("/values", file, "/soft", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/group", file, "/soft_group", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_external("/etc/other.h5", "/values", file, "/external", H5P_DEFAULT, H5P_DEFAULT);
      }),
      "test");
  for (const char* path : {"/soft", "/soft_group/values", "/external", "/external/values"}) {
    EXPECT_TRUE(holds(refusal_of_doubles(reader, path), "soft or external link")) << path;
    EXPECT_FALSE(reader.exists(path)) << path;
  }
  EXPECT_EQ(reader.read<double>("/group/values").size(), 1U);
}

TEST(HostileImage, SizesThatTheFileCannotHoldAreRefusedBeforeAllocating) {
  const ImageReader reader(
      build_image([](hid_t file) {
        make_dataset(file, "/huge", H5T_IEEE_F64LE, hsize_t{1} << 60, 1000);
        make_dataset(file, "/large", H5T_IEEE_F64LE, 1'000'000, 1000);
        make_dataset(file, "/strings", string_type(8).id(), 1'000'000, 1000);
        make_dataset(file, "/long_string", string_type(1 << 30).id(), 1, 0);
        Handle(H5Dcreate2(file, "/one_string", string_type(1 << 30).id(),
                          Handle(H5Screate(H5S_SCALAR), H5Sclose).id(), H5P_DEFAULT, H5P_DEFAULT,
                          H5P_DEFAULT),
               H5Dclose);
        const hsize_t square[] = {900, 900};  // each length alone would fit
        const Handle square_space(H5Screate_simple(2, square, nullptr), H5Sclose);
        Handle(H5Dcreate2(file, "/square", H5T_IEEE_F64LE, square_space.id(), H5P_DEFAULT,
                          H5P_DEFAULT, H5P_DEFAULT),
               H5Dclose);
        const std::vector<double> ballast(2000);  // makes the file large enough for that
        const Handle made = make_dataset(file, "/ballast", H5T_IEEE_F64LE, ballast.size(), 0);
        H5Dwrite(made.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, ballast.data());
        const hsize_t length[] = {10}, chunk[] = {100'000'000};
        const hsize_t most[] = {H5S_UNLIMITED};
        const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        H5Pset_chunk(properties.id(), 1, chunk);
        const Handle space(H5Screate_simple(1, length, most), H5Sclose);
        Handle(H5Dcreate2(file, "/big_chunk", H5T_IEEE_F64LE, space.id(), H5P_DEFAULT,
                          properties.id(), H5P_DEFAULT),
               H5Dclose);
      }),
      "test");
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/huge"), "claims shape [1152921504606846976]"));
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/square"), "claims shape [900, 900]"));
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/large"), "claims shape [1000000]"));
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/big_chunk"), "chunks larger than the file"));
  EXPECT_TRUE(holds(refusal([&] { reader.read_strings("/strings"); }), "claims shape [1000000]"));
  for (const char* path : {"/long_string", "/one_string"}) {
    EXPECT_TRUE(holds(refusal([&] { reader.read_strings(path); }), "claims values of 1073741824"));
  }
}

TEST(HostileImage, FiltersAndOtherFilesAreRefused) {
  const ImageReader reader(build_image([](hid_t file) {
                             make_dataset(file, "/gzip", H5T_IEEE_F64LE, 10, 10, true);
                             const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
                             H5Pset_external(properties.id(), "/etc/passwd", 0, 80);
                             const hsize_t length = 10;
                             const Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
                             Handle(H5Dcreate2(file, "/external", H5T_IEEE_F64LE, space.id(),
                                               H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                                    H5Dclose);
                           }),
                           "test");
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/gzip"), "only fletcher32 is allowed"));
  EXPECT_TRUE(holds(refusal_of_doubles(reader, "/external"), "in other files"));
}

TEST(HostileImage, VariableLengthStringsAreRefusedUnread) {
  const ImageReader reader(
      build_image([](hid_t file) {
        const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(type.id(), H5T_VARIABLE);
        const char* text = "text";
        const Handle dataset = make_dataset(file, "/texts", type.id(), 1, 0);
        H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &text);
        const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
        const Handle attribute(
            H5Acreate2(dataset.id(), "unit", type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
            H5Aclose);
        H5Awrite(attribute.id(), type.id(), &text);
      }),
      "test");
  constexpr const char* kReason = "has type variable-length string, expected fixed-length string";
  EXPECT_TRUE(holds(refusal([&] { reader.read_strings("/texts"); }), kReason));
  EXPECT_TRUE(holds(refusal([&] { reader.string_attribute("/texts", "unit"); }), kReason));
}

TEST(HostileImage, AChangedValueFailsItsChecksum) {
  ImageWriter writer(0);
  const double mark = 1234.5678;
  writer.dataset("/values", std::vector<double>{mark});
  const Image image = writer.finish();
  std::vector<std::byte> bytes(image.begin(), image.end());
  const auto pattern = std::as_bytes(std::span(&mark, 1));
  const auto found = std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end());
  ASSERT_NE(found, bytes.end());
  *found ^= std::byte{1};
  EXPECT_TRUE(holds(refusal_of_doubles(ImageReader(bytes, "test"), "/values"), "cannot be read"));
}

}  // namespace
}  // namespace enas::io
