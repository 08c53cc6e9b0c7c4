// SPDX-License-Identifier: Apache-2.0
// Datasets of other people's HDF5 files: every storage gives the same values, and hostile files are
// refused by name.
#include "io/hdf5_array_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <numeric>

#include "core/error.hpp"
#include "io/mapped_file.hpp"
#include "unit/io/hdf5_writing.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::io {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Integers = std::vector<std::int64_t>;

class Hdf5ArrayFileTest : public testing::Test {
 protected:
  Hdf5ArrayFileTest() : path_(folder_ / "some file.h5"), bytes_(24) {
    std::iota(bytes_.begin(), bytes_.end(), std::uint8_t{100});
  }

  /// The message of the InputError that `work` must throw; it names the file.
  std::string refusal(const std::function<void()>& work, ExitCode code = ExitCode::bad_data) const {
    try {
      work();
    } catch (const InputError& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find("some file.h5"), std::string::npos) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }
  /// Every way to the values of `dataset` must be refused with `part` in the message.
  void expect_refused(const std::string& dataset, const std::string& part) const {
    const Hdf5ArrayFile file(path_);
    for (const std::string& message :
         {refusal([&] { file.read_bytes(dataset); }), refusal([&] { file.range(dataset); })}) {
      EXPECT_NE(message.find(dataset), std::string::npos) << message;
      EXPECT_NE(message.find(part), std::string::npos) << message;
    }
  }

  ScratchFolder folder_;
  std::filesystem::path path_;
  Bytes bytes_;
};

TEST_F(Hdf5ArrayFileTest, EveryStorageGivesTheSameBytes) {
  {
    Hdf5Writing file(path_);
    file.write("plain", H5T_STD_U8LE, {2, 3, 4}, bytes_);
    file.write("chunked", H5T_STD_U8LE, {2, 3, 4}, bytes_, {.chunk = {1, 2, 4}});
    file.write("compressed", H5T_STD_U8LE, {2, 3, 4}, bytes_,
               {.chunk = {2, 2, 4}, .compressed = true});
  }
  const Hdf5ArrayFile file(path_);
  for (const char* name : {"/plain", "/chunked", "/compressed"}) {
    EXPECT_TRUE(file.exists(name));
    EXPECT_EQ(file.shape(name), (Integers{2, 3, 4})) << name;
    EXPECT_EQ(file.kind(name), "uint8") << name;
    EXPECT_EQ(file.read_bytes(name), bytes_) << name;
  }
  EXPECT_TRUE(file.range("/plain").has_value());
  EXPECT_FALSE(file.range("/chunked").has_value());
  EXPECT_FALSE(file.range("/compressed").has_value());
}

TEST_F(Hdf5ArrayFileTest, RangeIsThePlaceInTheFile) {
  for (const hsize_t user_block : {0U, 512U}) {
    Hdf5Writing(path_, user_block).write("images", H5T_STD_U8LE, {24}, bytes_);
    const FileRange range = Hdf5ArrayFile(path_).range("/images").value();
    ASSERT_EQ(range.length, 24U);
    const MappedFile mapped(path_);
    const auto found = mapped.bytes().subspan(range.offset, range.length);
    EXPECT_TRUE(std::ranges::equal(found, std::as_bytes(std::span(bytes_)))) << user_block;
  }
}

TEST_F(Hdf5ArrayFileTest, IntegersOfAnyWidthAndOrder) {
  const Integers values = {0, 5, 100, -7};
  {
    Hdf5Writing file(path_);
    file.write("a", H5T_STD_I64LE, {4}, values);
    file.write("b", H5T_STD_I16BE, {4}, values);
    file.write("c", H5T_STD_I8LE, {4}, values, {.chunk = {2}, .compressed = true});
    file.write("d", H5T_STD_U64LE, {1}, std::vector<std::uint64_t>{~std::uint64_t{0}});
    file.write("e", H5T_IEEE_F32LE, {4}, values);
  }
  const Hdf5ArrayFile file(path_);
  for (const char* name : {"/a", "/b", "/c"}) EXPECT_EQ(file.read_integers(name), values) << name;
  EXPECT_EQ(file.read_integers("/d"), Integers{std::numeric_limits<std::int64_t>::max()});
  EXPECT_EQ(file.kind("/b"), "int16");
  EXPECT_NE(refusal([&] { file.read_integers("/e"); }).find("float32, expected integers"),
            std::string::npos);
  EXPECT_NE(refusal([&] { file.read_bytes("/a"); }).find("int64, expected uint8"),
            std::string::npos);
  EXPECT_NE(refusal([&] { file.read_bytes("/c"); }).find("int8, expected uint8"),
            std::string::npos);
  EXPECT_FALSE(file.range("/a").has_value());
}

TEST_F(Hdf5ArrayFileTest, TextAttributesOfBothKinds) {
  {
    Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, {24}, bytes_);
    file.attribute("images", "variable", "NCHW", true);
    file.attribute("images", "fixed", "NHWC", false);
    file.attribute("images", "long", std::string(2000, 'x'), false);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle number(H5Acreate_by_name(file.id(), "images", "number", H5T_STD_I32LE, space.id(),
                                          H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                        H5Aclose);
  }
  const Hdf5ArrayFile file(path_);
  EXPECT_EQ(file.text_attribute("/images", "variable"), "NCHW");
  EXPECT_EQ(file.text_attribute("/images", "fixed"), "NHWC");
  EXPECT_EQ(file.text_attribute("/images", "none"), std::nullopt);
  EXPECT_NE(refusal([&] { file.text_attribute("/images", "long"); }).find("longer than"),
            std::string::npos);
  EXPECT_NE(refusal([&] { file.text_attribute("/images", "number"); }).find("not a text"),
            std::string::npos);
}

TEST_F(Hdf5ArrayFileTest, OpensOnlyWholeHdf5Files) {
  const auto open = [&] { Hdf5ArrayFile file(path_); };
  refusal(open, ExitCode::missing_input);
  std::ofstream(path_) << "no HDF5 at all, but longer than a signature";
  EXPECT_NE(refusal(open).find("not a readable HDF5 file"), std::string::npos);
  Hdf5Writing(path_).write("images", H5T_STD_U8LE, {5000}, Bytes(5000));
  const auto size = std::filesystem::file_size(path_);
  for (const std::uintmax_t left : {size - 1, size / 2, std::uintmax_t{100}}) {
    std::filesystem::resize_file(path_, left);
    EXPECT_NE(refusal(open).find("not a readable HDF5 file"), std::string::npos) << left;
  }
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(refusal(open).find("not a plain file"), std::string::npos);
}

TEST_F(Hdf5ArrayFileTest, NeedsNoLock) {
  Hdf5Writing(path_).write("images", H5T_STD_U8LE, {24}, bytes_);
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read);
  const int locked = ::open(path_.c_str(), O_RDONLY);
  ASSERT_EQ(::flock(locked, LOCK_EX), 0);
  EXPECT_EQ(Hdf5ArrayFile(path_).read_bytes("/images"), bytes_);
  ::close(locked);
}

TEST_F(Hdf5ArrayFileTest, FollowsNoLinks) {
  Hdf5Writing(folder_ / "other.h5").write("images", H5T_STD_U8LE, {24}, bytes_);
  {
    Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, {24}, bytes_);
    H5Lcreate_soft("/images", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/images", file.id(), "external", H5P_DEFAULT, H5P_DEFAULT);
    const Handle group(H5Gcreate2(file.id(), "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                       H5Gclose);
  }
  EXPECT_FALSE(Hdf5ArrayFile(path_).exists("/nothing"));
  EXPECT_THROW(Hdf5ArrayFile(path_).exists("/soft"), InputError);
  expect_refused("/soft", "soft or external link");
  expect_refused("/external", "soft or external link");
  expect_refused("/nothing", "does not exist");
  expect_refused("/group/nothing", "does not exist");
  expect_refused("/group", "is not a dataset");
}

TEST_F(Hdf5ArrayFileTest, ValuesInOtherFilesAreRefused) {
  const hsize_t length = 24;
  std::ofstream(folder_ / "raw") << std::string(24, 'x');
  {
    Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, {24}, bytes_);
    const Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
    const Handle external(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_external(external.id(), (folder_ / "raw").c_str(), 0, 24);
    const Handle a(H5Dcreate2(file.id(), "external", H5T_STD_U8LE, space.id(), H5P_DEFAULT,
                              external.id(), H5P_DEFAULT),
                   H5Dclose);
    const Handle virtual_one(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_virtual(virtual_one.id(), space.id(), "other.h5", "/images", space.id());
    const Handle b(H5Dcreate2(file.id(), "virtual", H5T_STD_U8LE, space.id(), H5P_DEFAULT,
                              virtual_one.id(), H5P_DEFAULT),
                   H5Dclose);
    ASSERT_TRUE(a.valid() && b.valid());
  }
  expect_refused("/external", "in other files");
  expect_refused("/virtual", "in other files");
}

TEST_F(Hdf5ArrayFileTest, AbsurdSizesAreRefusedBeforeAllocating) {
  constexpr hsize_t kHuge = hsize_t{1} << 40;
  {
    Hdf5Writing file(path_);
    file.make("plain", H5T_STD_U8LE, {kHuge});
    file.make("product", H5T_STD_U8LE, {kHuge, kHuge, kHuge}, {.chunk = {1, 1, 1}});
    file.make("compressed", H5T_STD_U8LE, {kHuge}, {.chunk = {10}, .compressed = true});
    file.make("chunk", H5T_STD_U8LE, {3},
              {.chunk = {hsize_t{1} << 30}, .compressed = true, .resizable = true});
    const Handle space(H5Screate(H5S_NULL), H5Sclose);
    const Handle null(H5Dcreate2(file.id(), "null", H5T_STD_U8LE, space.id(), H5P_DEFAULT,
                                 H5P_DEFAULT, H5P_DEFAULT),
                      H5Dclose);
  }
  expect_refused("/plain", "bytes can hold");
  expect_refused("/product", "bytes can hold");
  expect_refused("/compressed", "bytes can hold");
  expect_refused("/chunk", "has chunks of more values");
  expect_refused("/null", "has no values");
}

TEST_F(Hdf5ArrayFileTest, NeverWrittenValuesHaveNoPlace) {
  {
    Hdf5Writing file(path_);
    file.make("unwritten", H5T_STD_U8LE, {24});
    file.make("none", H5T_STD_U8LE, {0, 3});
  }
  const Hdf5ArrayFile file(path_);
  EXPECT_FALSE(file.range("/unwritten").has_value());
  EXPECT_EQ(file.read_bytes("/unwritten"), Bytes(24));
  EXPECT_EQ(file.read_bytes("/none"), Bytes());
}

}  // namespace
}  // namespace enas::io
