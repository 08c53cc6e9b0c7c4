// SPDX-License-Identifier: Apache-2.0
// Which images end in which split, and what the digest sees.
#include "data/image_set.hpp"

#include <algorithm>
#include <numeric>

#include "core/text.hpp"
#include "unit/data/small_images.hpp"

namespace enas::data {
namespace {

constexpr ImageShape kShape = {.channels = 1, .height = 1, .width = 2};

class SplitImagesTest : public testing::Test {
 protected:
  /// Image i has the pixels 2i and 2i + 1.
  explicit SplitImagesTest(std::size_t num_images = 12) : pixels_(2 * num_images) {
    std::iota(pixels_.begin(), pixels_.end(), std::uint8_t{0});
    all_ = pool_of(pixels_, kShape, 3);
  }
  ImageSet split(const ImageSplitOptions& options) const {
    ImageSet set;
    set.name = "twelve";
    set.shape = kShape;
    set.num_classes = 3;
    split_images(all_, options, set);
    return set;
  }
  static std::vector<int> numbers(const ImageSplit& split) {
    std::vector<int> numbers;
    for (std::size_t i = 0; i < split.pixels.size(); ++i) {
      numbers.push_back(split.pixels[i][0] / 2);
      EXPECT_EQ(split.labels[i], numbers.back() % 3) << "a label left its image";
    }
    return numbers;
  }

  std::vector<std::uint8_t> pixels_;
  ImageSplit all_;
};

TEST_F(SplitImagesTest, ValidationIsTheLastAndTheLimitCountsFromTheFirst) {
  const ImageSet set = split({.valid_size = 3});
  EXPECT_EQ(numbers(set.train), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(numbers(set.valid), (std::vector<int>{9, 10, 11}));
  const ImageSet limited = split({.valid_size = 3, .limit_train = 4});
  EXPECT_EQ(numbers(limited.train), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(numbers(limited.valid), (std::vector<int>{9, 10, 11}));
}

TEST_F(SplitImagesTest, ShufflingComesFirst) {
  const ImageSet set = split({.valid_size = 3, .shuffle_split = true});
  std::vector<int> order = numbers(set.train);
  const std::vector<int> valid = numbers(set.valid);
  order.insert(order.end(), valid.begin(), valid.end());
  std::vector<int> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 12; ++i) EXPECT_EQ(sorted[static_cast<std::size_t>(i)], i);
  EXPECT_NE(order, sorted);
  const ImageSet limited = split({.valid_size = 3, .limit_train = 5, .shuffle_split = true});
  EXPECT_EQ(numbers(limited.valid), valid);
  EXPECT_EQ(numbers(limited.train), std::vector<int>(order.begin(), order.begin() + 5));
}

TEST_F(SplitImagesTest, SizesOutOfRangeNameKeyAndRange) {
  const auto message = [&](const ImageSplitOptions& options) {
    return refusal<ConfigError>([&] { split(options); });
  };
  for (const std::int64_t size : {-1, 0, 12, 13}) {
    EXPECT_TRUE(holds(message({.valid_size = size}), concat("data.valid_size = ", size)));
    EXPECT_TRUE(holds(message({.valid_size = size}), "1 to 11"));
  }
  for (const std::int64_t limit : {-1, 10}) {
    EXPECT_TRUE(holds(message({.valid_size = 3, .limit_train = limit}),
                      concat("data.limit_train = ", limit)));
  }
  EXPECT_EQ(split({.valid_size = 3, .limit_train = 9}).train.size(), 9);
}

TEST_F(SplitImagesTest, FilesSortedByClassAreNamed) {
  std::ranges::sort(all_.labels);
  const std::string message = refusal<InputError>([&] { split({.valid_size = 4}); });
  EXPECT_TRUE(holds(message, "class 2 is in the validation split but not")) << message;
  EXPECT_TRUE(holds(message, "data.shuffle_split"));
  ImageSet set;
  set.shape = kShape;
  set.num_classes = 3;
  EXPECT_NO_THROW(split_images(all_, {.valid_size = 2, .shuffle_split = true}, set));
}

TEST(SplitImages, ClassesOneAfterTheOtherAreRefusedInAnyOrder) {
  const ImageShape shape{1, 1, 1};
  const std::vector<std::uint8_t> pixels(90);
  const auto split = [&](const std::vector<std::int32_t>& blocks, bool shuffle) {
    ImageSplit all = pool_of(pixels, shape, 3);
    for (std::size_t i = 0; i < all.labels.size(); ++i) {
      all.labels[i] = blocks[i * blocks.size() / all.labels.size()];
    }
    ImageSet set;
    set.name = "blocks";
    set.shape = shape;
    set.num_classes = 3;
    split_images(all, {.valid_size = 10, .shuffle_split = shuffle}, set);
  };
  for (const auto& blocks : {std::vector{0, 1, 2}, {2, 1, 0}, {2, 0, 1}}) {
    const std::string message = refusal<InputError>([&] { split(blocks, false); });
    EXPECT_TRUE(holds(message, "sorted by class")) << message;
    EXPECT_TRUE(holds(message, "data.shuffle_split = true")) << message;
    EXPECT_NO_THROW(split(blocks, true));
  }
  // A class that comes back is no sign of a sorted file.
  EXPECT_NO_THROW(split({0, 1, 2, 0, 1, 2}, false));
}

/// Warnings of a set of ten classes whose splits have these labels.
std::vector<std::string> warnings_for(const std::vector<std::int32_t>& train,
                                      const std::vector<std::int32_t>& test, int num_classes) {
  ImageSet set;
  set.name = "mine";
  set.num_classes = num_classes;
  set.train.labels = train;
  set.valid.labels = {train.front()};
  set.test.labels = test;
  set.test.pixels.resize(test.size());
  return class_warnings(set);
}

TEST(ClassWarnings, NameClassesWithoutAnImage) {
  const std::vector<std::int32_t> from_one = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_TRUE(warnings_for({0, 1, 2}, {}, 3).empty());
  EXPECT_TRUE(warnings_for({0, 1, 2}, {1, 2}, 3).empty());
  const auto one = warnings_for(from_one, from_one, 11);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_TRUE(holds(one[0], "mine: labels 1 to 10: 11 classes, class 0 has no image"));
  const auto gaps = warnings_for({0, 7, 3}, {}, 8);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_TRUE(holds(gaps[0], "labels 0 to 7: 8 classes, classes 1, 2, 4, 5, 6 have no image"));
  EXPECT_TRUE(holds(warnings_for({0, 20}, {}, 21).at(0), "8, 9, 10 and 9 more have no image"));
}

TEST(ClassWarnings, NameClassesThatOnlyTheTestSplitHas) {
  const auto warnings = warnings_for({0, 1, 2, 4}, {0, 3, 3, 1, 2, 5}, 6);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(holds(warnings[0],
                    "mine: the test split has classes 3, 5 (3 of its 6 images), of "
                    "which there is no training image"));
}

TEST_F(SplitImagesTest, EveryClassThatIsOnlyForValidationIsNamed) {
  for (std::size_t i = 0; i < 8; ++i) all_.labels[i] = 0;  // of the last four 1 and 2
  const std::string message = refusal<InputError>([&] { split({.valid_size = 4}); });
  EXPECT_TRUE(holds(message, "classes 1, 2 are in the validation split but not in the training"));
}

TEST(SplitImages, AdviceLeadsToASplit) {
  const ImageShape shape{1, 1, 1};
  const std::vector<std::uint8_t> pixels(40);
  const auto split = [&](auto class_of, const ImageSplitOptions& options) {
    ImageSplit all = pool_of(pixels, shape, 20);
    for (std::size_t i = 0; i < all.labels.size(); ++i) {
      all.labels[i] = static_cast<std::int32_t>(class_of(i));
    }
    ImageSet set;
    set.shape = shape;
    set.num_classes = 20;
    split_images(all, options, set);
  };
  const auto said = [&](auto class_of, const ImageSplitOptions& options) {
    return refusal<InputError>([&] { split(class_of, options); });
  };
  const auto four_in_turn = [](std::size_t i) { return i % 4; };
  EXPECT_TRUE(holds(said(four_in_turn, {.valid_size = 20, .limit_train = 2}),
                    "; set data.limit_train = 0"));
  EXPECT_NO_THROW(split(four_in_turn, {.valid_size = 20}));
  const auto two_late_classes = [](std::size_t i) { return i < 32 ? i % 2 : i % 4; };
  EXPECT_TRUE(holds(said(two_late_classes, {.valid_size = 8}), "; set data.shuffle_split = true"));
  EXPECT_NO_THROW(split(two_late_classes, {.valid_size = 8, .shuffle_split = true}));
  // No order helps where every class has two images.
  const auto pairs = [](std::size_t i) { return i % 20; };
  for (const bool shuffle : {false, true}) {
    EXPECT_TRUE(holds(said(pairs, {.valid_size = 30, .shuffle_split = shuffle}),
                      "the data have to change"));
  }
}

TEST_F(SplitImagesTest, DigestSeesEverythingButThePlace) {
  const ImageSplitOptions options = {.valid_size = 3};
  const ImageSet set = split(options);
  const std::vector<std::uint8_t> copy = pixels_;
  ImageSet other;
  other.name = "elsewhere";
  other.shape = kShape;
  other.num_classes = 3;
  split_images(pool_of(copy, kShape, 3), options, other);
  EXPECT_EQ(other.digest, set.digest);
  const auto differs = [&](auto change) {
    ImageSet changed = set;
    change(changed);
    digest_images(changed);
    return changed.digest != set.digest;
  };
  EXPECT_TRUE(differs([](ImageSet& s) { std::swap(s.shape.height, s.shape.width); }));
  EXPECT_TRUE(differs([](ImageSet& s) { s.order = PixelOrder::channels_last; }));
  EXPECT_TRUE(differs([](ImageSet& s) { s.num_classes = 4; }));
  EXPECT_TRUE(differs([](ImageSet& s) { s.train.labels[1] = 0; }));
  EXPECT_TRUE(differs([](ImageSet& s) { s.valid.labels[1] = 0; }));
  EXPECT_TRUE(differs([](ImageSet& s) { std::swap(s.train.pixels[0], s.train.pixels[3]); }));
  EXPECT_TRUE(differs([](ImageSet& s) { s.test = s.valid; }));
  EXPECT_NE(split({.valid_size = 4}).digest, set.digest);
  pixels_[5] ^= 1U;
  EXPECT_NE(split(options).digest, set.digest);
}

TEST_F(SplitImagesTest, OneDigestIsThatOfTheSetBeforeItHadATestSplit) {
  const ImageSet before = split({.valid_size = 3});
  EXPECT_EQ(before.digest_without_test, before.digest);
  ImageSet after = before;
  after.test = before.valid;
  digest_images(after);
  EXPECT_EQ(after.digest_without_test, before.digest);
  EXPECT_NE(after.digest, before.digest);
  after.valid.labels[0] = 2;
  digest_images(after);
  EXPECT_NE(after.digest_without_test, before.digest);
}

}  // namespace
}  // namespace enas::data
