// SPDX-License-Identifier: Apache-2.0
// CIFAR files of the true sizes, all zeros but for the bytes that a test looks at.
#include "data/cifar.hpp"

#include <fstream>

#include "core/text.hpp"
#include "unit/data/small_images.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;

class CifarTest : public testing::Test {
 protected:
  /// A sparse file, which takes no room.
  void make(const std::string& name, std::uintmax_t bytes) {
    std::ofstream(folder_ / name).flush();
    fs::resize_file(folder_ / name, bytes);
  }
  void make_cifar10() {
    for (int i = 1; i <= 5; ++i) make(concat("data_batch_", i, ".bin"), 30'730'000);
    make("test_batch.bin", 30'730'000);
  }
  void make_cifar100() {
    make("train.bin", 153'700'000);
    make("test.bin", 30'740'000);
  }
  void put(const std::string& name, std::int64_t offset, int value) {
    std::fstream file(folder_ / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.put(static_cast<char>(value));
  }
  std::string refusal10(ExitCode code = ExitCode::bad_data) {
    return refusal<InputError>([&] { read_cifar10(folder_.path(), {}); }, code);
  }

  io::ScratchFolder folder_;
};

TEST_F(CifarTest, Cifar10RecordsAreALabelAndThreePlanes) {
  make_cifar10();
  put("data_batch_1.bin", 0, 3);
  put("data_batch_1.bin", 1, 11);
  put("data_batch_2.bin", 7 * 3073, 9);
  put("data_batch_2.bin", 7 * 3073 + 3072, 22);
  put("data_batch_5.bin", 9999 * 3073, 9);
  put("test_batch.bin", 3073 + 2, 33);
  const ImageSet set = read_cifar10(folder_.path(), {.valid_size = 5000});
  EXPECT_EQ(set.num_classes, 10);
  EXPECT_EQ(set.shape.num_values(), 3072);
  EXPECT_EQ(set.order, PixelOrder::channels_first);
  EXPECT_EQ(set.train.size(), 45000);
  EXPECT_EQ(set.valid.size(), 5000);
  EXPECT_EQ(set.test.size(), 10000);
  EXPECT_EQ(set.train.labels[0], 3);
  EXPECT_EQ(set.train.pixels[0][0], 11);
  EXPECT_EQ(set.train.labels[10007], 9);
  EXPECT_EQ(set.train.pixels[10007][3071], 22);
  EXPECT_EQ(set.valid.labels[4999], 9);
  EXPECT_EQ(set.test.pixels[1][1], 33);
}

TEST_F(CifarTest, Cifar100ClassesAreTheFineLabels) {
  make_cifar100();
  put("train.bin", 2 * 3074, 19);
  put("train.bin", 2 * 3074 + 1, 99);
  put("train.bin", 2 * 3074 + 2, 44);
  const ImageSet set = read_cifar100(folder_.path(), {.valid_size = 5000});
  EXPECT_EQ(set.num_classes, 100);
  EXPECT_EQ(set.train.size(), 45000);
  EXPECT_EQ(set.test.size(), 10000);
  EXPECT_EQ(set.train.labels[2], 99);
  EXPECT_EQ(set.train.pixels[2][0], 44);
  put("test.bin", 5 * 3074, 20);
  const std::string message =
      refusal<InputError>([&] { read_cifar100(folder_.path(), {.valid_size = 5000}); });
  EXPECT_TRUE(holds(message, "test.bin: offset 15370 (record 5): expected a label of 0 to 19"));
}

TEST_F(CifarTest, WrongSizesNameFileOffsetExpectedAndFound) {
  make_cifar10();
  fs::resize_file(folder_ / "data_batch_4.bin", 30'729'999);
  EXPECT_TRUE(holds(refusal10(), "data_batch_4.bin: offset 30729999: expected 30730000 bytes"));
  EXPECT_TRUE(holds(refusal10(), "found 30729999"));
  fs::resize_file(folder_ / "data_batch_4.bin", 30'730'001);
  EXPECT_TRUE(holds(refusal10(), "data_batch_4.bin: offset 30730000: expected 30730000 bytes"));
  fs::resize_file(folder_ / "data_batch_4.bin", 0);
  EXPECT_TRUE(holds(refusal10(), "data_batch_4.bin is empty"));
}

TEST_F(CifarTest, WrongLabelsNameFileOffsetExpectedAndFound) {
  make_cifar10();
  put("test_batch.bin", 9999 * 3073, 10);
  EXPECT_TRUE(holds(refusal10(),
                    "test_batch.bin: offset 30726927 (record 9999): expected a label "
                    "of 0 to 9, found 10"));
}

TEST_F(CifarTest, MissingFilesAndFolders) {
  make_cifar10();
  fs::remove(folder_ / "data_batch_3.bin");
  EXPECT_TRUE(
      holds(refusal10(ExitCode::missing_input), "data_batch_3.bin is not there; data.path"));
  const std::string message =
      refusal<InputError>([&] { read_cifar100(folder_ / "nowhere", {}); }, ExitCode::missing_input);
  EXPECT_TRUE(holds(message, "nowhere of CIFAR-100 is not there or not a folder; data.path"));
}

}  // namespace
}  // namespace enas::data
