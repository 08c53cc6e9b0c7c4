// SPDX-License-Identifier: Apache-2.0
// Images in HDF5 files: layouts and storages that must not matter, and damage that must be named.
#include "data/hdf5_images.hpp"

#include <torch/torch.h>

#include "core/text.hpp"
#include "data/image_batches.hpp"
#include "unit/data/small_images.hpp"
#include "unit/io/hdf5_writing.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::data {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Labels = std::vector<std::int64_t>;
using Lengths = std::vector<hsize_t>;

constexpr hsize_t kImages = 8;
constexpr hsize_t kHeight = 5;
constexpr hsize_t kWidth = 6;
constexpr ImageSplitOptions kSplit = {.valid_size = 2};

/// What stands at (image, channel, y, x) of the true images.
std::uint8_t value_at(hsize_t n, hsize_t c, hsize_t y, hsize_t x) {
  return static_cast<std::uint8_t>(n * 97 + c * 53 + y * 7 + x * 31);
}

Bytes pixels(bool channels_first, hsize_t channels = 3) {
  Bytes bytes;
  const Lengths ends =
      channels_first ? Lengths{channels, kHeight, kWidth} : Lengths{kHeight, kWidth, channels};
  for (hsize_t n = 0; n < kImages; ++n) {
    for (hsize_t i = 0; i < ends[0]; ++i) {
      for (hsize_t j = 0; j < ends[1]; ++j) {
        for (hsize_t k = 0; k < ends[2]; ++k) {
          bytes.push_back(channels_first ? value_at(n, i, j, k) : value_at(n, k, i, j));
        }
      }
    }
  }
  return bytes;
}

class Hdf5ImagesTest : public testing::Test {
 protected:
  Hdf5ImagesTest() : path_(folder_ / "mine.h5") {}

  void write(const Lengths& shape, const Bytes& bytes, const io::Storing& storing = {}) {
    io::Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, shape, bytes, storing);
    file.write("labels", H5T_STD_I64LE, {kImages}, labels_);
  }
  void write_nhwc() { write({kImages, kHeight, kWidth, 3}, pixels(false)); }
  ImageSet read() const { return read_hdf5_images(path_, kSplit); }
  std::string refused() const {
    const std::string message = refusal<InputError>([&] { read(); });
    EXPECT_TRUE(holds(message, "mine.h5: "));
    return message;
  }
  static at::Tensor normalised(const ImageSet& set) {
    return ImageBatches(set, {}, 1, 2, 1).validation(0, 2).input;
  }

  io::ScratchFolder folder_;
  std::filesystem::path path_;
  Labels labels_ = {0, 1, 2, 0, 1, 2, 0, 1};
};

TEST_F(Hdf5ImagesTest, BothLayoutsGiveEqualBatches) {
  write_nhwc();
  const ImageSet last = read();
  EXPECT_EQ(last.order, PixelOrder::channels_last);
  EXPECT_EQ(last.num_classes, 3);
  EXPECT_EQ(last.name, "mine.h5");
  EXPECT_EQ(last.train.labels, (std::vector<std::int32_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(last.valid.labels, (std::vector<std::int32_t>{0, 1}));
  const at::Tensor expected = normalised(last);
  write({kImages, 3, kHeight, kWidth}, pixels(true));
  const ImageSet first = read();
  EXPECT_EQ(first.order, PixelOrder::channels_first);
  for (const ImageSet* set : {&last, &first}) {
    EXPECT_EQ(set->shape.channels, 3);
    EXPECT_EQ(set->shape.height, 5);
    EXPECT_EQ(set->shape.width, 6);
  }
  EXPECT_TRUE(at::equal(normalised(first), expected));
}

TEST_F(Hdf5ImagesTest, MappedAndReadFilesGiveEqualSets) {
  write_nhwc();
  const ImageSet mapped = read();
  const at::Tensor expected = normalised(mapped);  // the file is overwritten below
  for (const bool compressed : {false, true}) {
    write({kImages, kHeight, kWidth, 3}, pixels(false),
          {.chunk = {3, 2, kWidth, 3}, .compressed = compressed});
    const ImageSet chunked = read();
    EXPECT_EQ(chunked.digest, mapped.digest);
    EXPECT_TRUE(at::equal(normalised(chunked), expected));
  }
}

TEST_F(Hdf5ImagesTest, TheAttributeDecidesWhereBothLayoutsFit) {
  const auto write_both = [&](const std::string& layout) {
    io::Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, {kImages, 3, 2, 4}, Bytes(kImages * 24));
    file.write("labels", H5T_STD_U8LE, {kImages}, labels_);
    if (!layout.empty()) file.attribute("images", "layout", layout, true);
  };
  write_both("");
  EXPECT_EQ(read().shape.channels, 4);
  write_both("NHWC");
  EXPECT_EQ(read().shape.channels, 4);
  write_both("NCHW");
  EXPECT_EQ(read().shape.channels, 3);
  EXPECT_EQ(read().shape.width, 4);
  write_both("HWCN");
  EXPECT_TRUE(holds(refused(), "\"/images@layout\" is \"HWCN\", expected \"NHWC\" or \"NCHW\""));
  {
    io::Hdf5Writing again(path_);
    again.write("images", H5T_STD_U8LE, {kImages, kHeight, kWidth, 3}, pixels(false));
    again.write("labels", H5T_STD_I64LE, {kImages}, labels_);
    again.attribute("images", "layout", "NCHW", false);
  }
  EXPECT_TRUE(holds(refused(), "which its layout NCHW does not fit"));
}

TEST_F(Hdf5ImagesTest, GreyAndFourChannels) {
  for (const hsize_t channels : {1U, 4U}) {
    write({kImages, kHeight, kWidth, channels}, pixels(false, channels));
    const at::Tensor expected = normalised(read());
    EXPECT_EQ(read().shape.channels, static_cast<int>(channels));
    write({kImages, channels, kHeight, kWidth}, pixels(true, channels));
    EXPECT_TRUE(at::equal(normalised(read()), expected));
  }
}

TEST_F(Hdf5ImagesTest, TestImagesAreRead) {
  write_nhwc();
  EXPECT_EQ(read().test.size(), 0);
  const auto write_test = [&](const Lengths& shape, const Labels& labels) {
    io::Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, {kImages, kHeight, kWidth, 3}, pixels(false));
    file.write("labels", H5T_STD_I64LE, {kImages}, labels_);
    file.write("test_images", H5T_STD_U8LE, shape, Bytes(1000, 7));
    if (!labels.empty()) file.write("test_labels", H5T_STD_I64LE, {labels.size()}, labels);
  };
  write_test({2, kHeight, kWidth, 3}, {2, 0});
  EXPECT_EQ(read().test.labels, (std::vector<std::int32_t>{2, 0}));
  EXPECT_EQ(read().test.pixels[1][89], 7);
  write_test({2, kHeight, kWidth, 3}, {2, 3});
  EXPECT_TRUE(holds(refused(), "\"/test_labels\" [1] is 3, expected 0 to 2"));
  write_test({2, kHeight, kWidth, 3}, {});
  EXPECT_TRUE(holds(refused(), "\"/test_labels\" is expected and not there"));
  write_test({2, kWidth, kHeight, 3}, {2, 0});
  EXPECT_TRUE(holds(refused(), "\"/test_images\" has shape [2, 6, 5, 3], expected that of"));
}

TEST_F(Hdf5ImagesTest, WrongLabelsAreNamed) {
  labels_[5] = -1;
  write_nhwc();
  EXPECT_TRUE(holds(refused(), "\"/labels\" [5] is -1, expected 0 to"));
  labels_[5] = std::int64_t{1} << 40;
  write_nhwc();
  EXPECT_TRUE(holds(refused(), "\"/labels\" [5] is 1099511627776, expected 0 to"));
  for (const int label : {0, 7}) {
    labels_ = Labels(kImages, label);
    write_nhwc();
    EXPECT_TRUE(holds(refused(), concat("\"/labels\" has only the label ", label)));
  }
  io::Hdf5Writing(path_).write("images", H5T_STD_U8LE, {kImages, kHeight, kWidth, 3},
                               pixels(false));
  EXPECT_TRUE(holds(refused(), "\"/labels\" is expected and not there"));
  const auto write_labels = [&](const Lengths& shape) {
    io::Hdf5Writing file(path_);
    file.write("images", H5T_STD_U8LE, {kImages, kHeight, kWidth, 3}, pixels(false));
    file.write("labels", H5T_STD_I64LE, shape, labels_);
  };
  write_labels({kImages - 1});
  EXPECT_TRUE(holds(refused(), "\"/labels\" has shape [7], expected one label an image: [8]"));
  write_labels({kImages, 1});
  EXPECT_TRUE(holds(refused(), "\"/labels\" has shape [8, 1], expected one label an image: [8]"));
}

TEST_F(Hdf5ImagesTest, WrongImagesAreNamed) {
  const auto refuse_images = [&](hid_t type, const Lengths& shape,
                                 const io::Storing& storing = {}) {
    {
      io::Hdf5Writing file(path_);
      file.make("images", type, shape, storing);
      file.write("labels", H5T_STD_I64LE, {kImages}, labels_);
    }
    return refused();
  };
  EXPECT_TRUE(holds(refuse_images(H5T_IEEE_F32LE, {8, 5, 6, 3}), "float32, expected uint8"));
  EXPECT_TRUE(holds(refuse_images(H5T_STD_I8LE, {8, 5, 6, 3}), "int8, expected uint8"));
  EXPECT_TRUE(holds(refuse_images(H5T_STD_U8LE, {8, 5, 6}), "expected four lengths"));
  EXPECT_TRUE(holds(refuse_images(H5T_STD_U8LE, {0, 5, 6, 3}), "has 0 images"));
  EXPECT_TRUE(holds(refuse_images(H5T_STD_U8LE, {8, 0, 6, 3}), "expected sides of 1 to"));
  EXPECT_TRUE(holds(refuse_images(H5T_STD_U8LE, {8, 5, 6, 2}), "1, 3 or 4 channels"));
  EXPECT_TRUE(holds(refuse_images(H5T_STD_U8LE, {8, 9000, 9000, 3}), "bytes can hold"));
  EXPECT_TRUE(
      holds(refuse_images(H5T_STD_U8LE, {hsize_t{1} << 40, 5, 6, 3}, {.chunk = {1, 5, 6, 3}}),
            "has 1099511627776 images, expected 1 to"));
  io::Hdf5Writing(path_).write("labels", H5T_STD_I64LE, {kImages}, labels_);
  EXPECT_TRUE(holds(refused(), "\"/images\" is expected and not there"));
}

TEST_F(Hdf5ImagesTest, MissingAndDamagedFiles) {
  EXPECT_TRUE(holds(refusal<InputError>([&] { read(); }, ExitCode::missing_input), "mine.h5"));
  write_nhwc();
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
  EXPECT_TRUE(holds(refusal<InputError>([&] { read(); }), "mine.h5 is not a readable HDF5 file"));
}

}  // namespace
}  // namespace enas::data
