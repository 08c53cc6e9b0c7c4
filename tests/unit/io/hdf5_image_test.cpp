// SPDX-License-Identifier: Apache-2.0
// What the writer builds, the reader gives back.
#include "io/hdf5_image.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>
#include <span>
#include <thread>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::io {
namespace {

template <typename T>
class HoldsValues : public testing::Test {};
using ValueTypes =
    testing::Types<float, double, std::int32_t, std::int64_t, std::uint8_t, std::uint64_t>;
TYPED_TEST_SUITE(HoldsValues, ValueTypes);

TYPED_TEST(HoldsValues, OfEveryType) {
  using Limits = std::numeric_limits<TypeParam>;
  const std::vector<TypeParam> values = {
      Limits::lowest(), 0, 1, TypeParam(7) / TypeParam(2), Limits::max(), Limits::min()};
  ImageWriter writer(0);
  writer.dataset("/values", values);
  writer.dataset("/empty", std::vector<TypeParam>());
  const ImageReader reader(writer.finish(), "test");
  EXPECT_EQ(reader.read<TypeParam>("/values"), values);
  EXPECT_EQ(reader.shape("/values"), (std::vector<std::int64_t>{6}));
  EXPECT_TRUE(reader.read<TypeParam>("/empty").empty());
  EXPECT_EQ(reader.shape("/empty"), (std::vector<std::int64_t>{0}));
}

TEST(HdfImage, HoldsShapesOfSeveralDimensions) {
  std::vector<float> values(2 * 3 * 4);
  std::iota(values.begin(), values.end(), 0.5F);
  const std::vector<std::int64_t> shape = {2, 3, 4};
  const std::vector<std::int64_t> empty_shape = {3, 0, 5};
  const float scalar = 4.5F;
  ImageWriter writer(0);
  writer.dataset<float>("/a/b/cube", values, shape);
  writer.dataset<float>("/a/empty", {}, empty_shape);
  writer.dataset<float>("/scalar", {&scalar, 1}, {});
  const ImageReader reader(writer.finish(), "test");
  EXPECT_EQ(reader.shape("/a/b/cube"), shape);
  EXPECT_EQ(reader.shape("/a/empty"), empty_shape);
  EXPECT_EQ(reader.shape("/scalar"), std::vector<std::int64_t>{});
  EXPECT_EQ(reader.read<float>("/a/b/cube"), values);
  EXPECT_EQ(reader.read<float>("/scalar"), std::vector<float>{scalar});
  std::vector<float> target(values.size());
  reader.read_into<float>("/a/b/cube", target, shape);
  EXPECT_EQ(target, values);
  reader.read_into<float>("/a/empty", {}, empty_shape);
}

TEST(HdfImage, HoldsWhatNeedsSeveralChunks) {
  for (const std::vector<std::int64_t>& shape :
       std::vector<std::vector<std::int64_t>>{{700001}, {3, 500003}, {1031, 1033}}) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(
        std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>())));
    std::iota(values.begin(), values.end(), 0);
    ImageWriter writer(0);
    writer.dataset<std::int32_t>("/values", values, shape);
    const Image image = writer.finish();
    EXPECT_LT(image.size(), values.size() * 4 * 1.02);
    EXPECT_EQ(ImageReader(image, "test").read<std::int32_t>("/values"), values);
  }
}

TEST(HdfImage, HoldsStrings) {
  const std::vector<std::string> texts = {"", "one", "\u03c9 \u03b8", std::string(100000, 'x')};
  ImageWriter writer(0);
  writer.strings("/names/texts", texts);
  writer.strings("/names/none", {});
  const ImageReader reader(writer.finish(), "test");
  EXPECT_EQ(reader.read_strings("/names/texts"), texts);
  EXPECT_TRUE(reader.read_strings("/names/none").empty());
}

TEST(HdfImage, HoldsAttributes) {
  const std::string long_text(kLongestAttribute, 't');
  ImageWriter writer(0);
  writer.group("/group");
  writer.dataset("/group/values", std::vector<double>{1});
  writer.attribute("/", "format_version", std::int64_t{-3});
  writer.attribute("/", "config", long_text);
  writer.attribute("/", "empty", "");
  writer.attribute("/group", "rate", 0.1);
  writer.attribute("/group/values", "unit", "s");
  const ImageReader reader(writer.finish(), "test");
  EXPECT_EQ(reader.int_attribute("/", "format_version"), -3);
  EXPECT_EQ(reader.string_attribute("/", "config"), long_text);
  EXPECT_EQ(reader.string_attribute("/", "empty"), "");
  EXPECT_EQ(reader.double_attribute("/group", "rate"), 0.1);
  EXPECT_EQ(reader.string_attribute("/group/values", "unit"), "s");
  EXPECT_TRUE(reader.has_attribute("/group", "rate"));
  EXPECT_FALSE(reader.has_attribute("/group", "unit"));
  EXPECT_FALSE(reader.has_attribute("/none", "unit"));
}

TEST(HdfImage, HoldsManyLongAttributesOfOneObject) {
  ImageWriter writer(0);
  const auto text = [](int i) {
    return std::string(kLongestAttribute - 1, static_cast<char>('a' + i));
  };
  for (int i = 0; i < 20; ++i) writer.attribute("/", concat("text_", i), text(i));
  EXPECT_THROW(writer.attribute("/", "more", std::string(kLongestAttribute + 1, 't')),
               ContractError);
  const ImageReader reader(writer.finish(), "test");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(reader.string_attribute("/", concat("text_", i)), text(i));
  EXPECT_FALSE(reader.has_attribute("/", "more"));
}

TEST(HdfImage, ListsMembersSorted) {
  ImageWriter writer(0);
  for (const char* name : {"c", "a", "b"}) {
    writer.dataset(std::string("/group/") + name, std::vector<double>{1});
  }
  writer.group("/group/empty");
  const ImageReader reader(writer.finish(), "test");
  EXPECT_EQ(reader.members("/group"), (std::vector<std::string>{"a", "b", "c", "empty"}));
  EXPECT_EQ(reader.members("/"), (std::vector<std::string>{"group"}));
  EXPECT_TRUE(reader.members("/group/empty").empty());
  EXPECT_TRUE(reader.exists("/"));
  EXPECT_TRUE(reader.exists("/group/a"));
  EXPECT_FALSE(reader.exists("/group/d"));
  EXPECT_FALSE(reader.exists("/no/d"));
  EXPECT_FALSE(reader.exists("/group/a/below"));
}

TEST(HdfImage, TheSameCallsGiveTheSameBytes) {
  const auto build = [] {
    ImageWriter writer(0);
    writer.dataset("/values", std::vector<float>(300001, 1.5F));
    writer.strings("/names", {"a", "bc"});
    writer.attribute("/", "text", "value");
    return writer.finish();
  };
  const Image first = build();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 could store whole seconds
  // Leaves other bytes behind in the memory that the second image is built in.
  std::vector<std::vector<char>>(1000, std::vector<char>(5000, 'x')).clear();
  const Image second = build();
  EXPECT_TRUE(std::ranges::equal(first, second));
}

TEST(HdfImage, SeveralFilesMayBeOpenAtOnce) {
  ImageWriter one(0), two(0);
  one.dataset("/values", std::vector<double>{1});
  two.dataset("/values", std::vector<double>{2});
  const ImageReader first(one.finish(), "one");
  const ImageReader second(two.finish(), "two");
  EXPECT_EQ(first.read<double>("/values"), std::vector<double>{1});
  EXPECT_EQ(second.read<double>("/values"), std::vector<double>{2});
}

TEST(HdfImage, AWriterMayBeDroppedUnfinished) {
  ImageWriter writer(0);
  writer.dataset("/values", std::vector<double>(1000));
}

TEST(HdfImage, AReaderLeavesTheImageAlone) {
  ImageWriter writer(0);
  writer.dataset("/values", std::vector<double>{1, 2, 3});
  const Image image = writer.finish();
  const std::vector<std::byte> before(image.begin(), image.end());
  { ImageReader(image, "test").read<double>("/values"); }
  EXPECT_TRUE(std::ranges::equal(image, before));
  EXPECT_EQ(ImageReader(before, "test").read<double>("/values"), (std::vector<double>{1, 2, 3}));
}

TEST(HdfImage, MisuseOfTheWriterIsFound) {
  ImageWriter writer(0);
  writer.dataset("/values", std::vector<double>{1});
  const std::vector<double> values = {1, 2, 3};
  const std::vector<std::int64_t> wrong_shape = {2, 2};
  EXPECT_THROW(writer.dataset<double>("/other", values, wrong_shape), ContractError);
  EXPECT_THROW(writer.dataset("relative", values), ContractError);
  EXPECT_THROW(writer.strings("/zero", {std::string("a\0b", 3)}), ContractError);
  try {
    writer.dataset("/values", values);
    FAIL() << "a second dataset of the same name";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("name already exists"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(writer.attribute("/none", "a", 1.0), SystemError);
  writer.finish();
  EXPECT_THROW(writer.finish(), ContractError);
}

}  // namespace
}  // namespace enas::io
