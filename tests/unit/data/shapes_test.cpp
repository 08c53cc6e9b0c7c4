// SPDX-License-Identifier: Apache-2.0
// The embedded images: balance, independence of splits, and what class and noise change.
#include "data/shapes.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "io/digest.hpp"
#include "unit/data/small_images.hpp"

namespace enas::data {
namespace {

using Image = std::vector<std::uint8_t>;

Image image(const ImageSet& set, const ImageSplit& split, std::size_t number) {
  return {split.pixels[number], split.pixels[number] + set.shape.num_values()};
}

TEST(ShapesTest, SizesOrderAndBalance) {
  for (const int classes : {2, 7, 10}) {
    const ImageSet set = make_shapes({.size = 12,
                                      .classes = classes,
                                      .train_images = 140,
                                      .valid_images = 70,
                                      .test_images = 0});
    EXPECT_EQ(set.num_classes, classes);
    EXPECT_EQ(set.order, PixelOrder::channels_last);
    EXPECT_EQ(set.shape.num_values(), 3 * 12 * 12);
    EXPECT_EQ(set.train.size(), 140);
    EXPECT_EQ(set.valid.size(), 70);
    EXPECT_EQ(set.test.size(), 0);
    for (const ImageSplit* split : {&set.train, &set.valid}) {
      std::vector<int> counts(static_cast<std::size_t>(classes));
      for (const std::int32_t label : split->labels) ++counts.at(static_cast<std::size_t>(label));
      for (const int count : counts) EXPECT_EQ(count, split->size() / classes);
    }
  }
}

TEST(ShapesTest, AFunctionOfTheOptionsAlone) {
  const ShapesOptions options = {.train_images = 40, .valid_images = 20, .test_images = 20};
  const ImageSet set = make_shapes(options);
  EXPECT_EQ(make_shapes(options).digest, set.digest);
  ImageSet again = set;
  digest_images(again);
  EXPECT_EQ(again.digest, set.digest);
  ShapesOptions other = options;
  other.seed = 2;
  EXPECT_NE(make_shapes(other).digest, set.digest);
  other = options;
  other.train_images = 80;
  EXPECT_EQ(image(set, set.train, 39), image(set, make_shapes(other).train, 39))
      << "more images leave the first ones as they are";
}

TEST(ShapesTest, NoTwoImagesAreEqual) {
  const ImageSet set = make_shapes({.train_images = 40, .valid_images = 40, .test_images = 40});
  std::set<io::Digest> all;
  for (const ImageSplit* split : {&set.train, &set.valid, &set.test}) {
    for (std::size_t i = 0; i < 40; ++i) {
      const Image pixels = image(set, *split, i);
      all.insert(io::digest_bytes(std::as_bytes(std::span(pixels))));
    }
  }
  EXPECT_EQ(all.size(), 120U);
}

TEST(ShapesTest, TheClassChangesTheShapeAndNothingElse) {
  // Image 9 has the same nuisance in all sets, and the label 9 mod classes.
  std::vector<Image> pictures;
  for (const int classes : {10, 2, 4, 5, 6, 7}) {  // labels 9, 1, 1, 4, 3, 2
    const ImageSet set = make_shapes({.classes = classes, .train_images = 10, .noise = 0});
    pictures.push_back(image(set, set.train, 9));
  }
  EXPECT_EQ(pictures[1], pictures[2]);
  pictures.erase(pictures.begin() + 1);
  for (std::size_t a = 0; a < pictures.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      int num_different = 0;
      for (std::size_t i = 0; i < pictures[a].size(); ++i) {
        num_different += pictures[a][i] != pictures[b][i];
      }
      EXPECT_GT(num_different, 3 * 10) << a << " " << b << ": shapes too much alike";
      EXPECT_LT(num_different, 3 * 16 * 16 * 3 / 4) << a << " " << b << ": the background changed";
    }
  }
}

TEST(ShapesTest, NoiseHasItsStandardDeviation) {
  const ShapesOptions clean = {.train_images = 200, .noise = 0};
  ShapesOptions noisy = clean;
  noisy.noise = 0.05;
  const ImageSet a = make_shapes(clean);
  const ImageSet b = make_shapes(noisy);
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    const Image before = image(a, a.train, i);
    const Image after = image(b, b.train, i);
    for (std::size_t k = 0; k < before.size(); ++k) {
      if (before[k] < 64 || before[k] > 191) continue;  // five deviations from where it is cut
      const double change = after[k] - before[k];
      sum += change, squares += change * change, ++count;
    }
  }
  ASSERT_GT(count, 50000);
  EXPECT_NEAR(sum / count, 0, 0.3);
  EXPECT_NEAR(std::sqrt(squares / count), 0.05 * 255, 0.3);
}

TEST(ShapesTest, OptionsOutOfRangeNameTheirKey) {
  const auto message = [](const ShapesOptions& options) {
    return refusal<ConfigError>([&] { make_shapes(options); });
  };
  EXPECT_TRUE(holds(message({.size = 7}), "data.shapes.size = 7; 8 to 128 are allowed"));
  EXPECT_TRUE(holds(message({.size = 129}), "data.shapes.size"));
  EXPECT_TRUE(holds(message({.classes = 1}), "data.shapes.classes = 1; 2 to 10"));
  EXPECT_TRUE(holds(message({.classes = 11}), "data.shapes.classes"));
  EXPECT_TRUE(holds(message({.train_images = 9}), "data.shapes.train_images = 9; 10 to"));
  EXPECT_TRUE(holds(message({.valid_images = 0}), "data.shapes.valid_images"));
  EXPECT_TRUE(holds(message({.test_images = -1}), "data.shapes.test_images"));
  EXPECT_TRUE(holds(message({.noise = -0.1}), "data.shapes.noise"));
  EXPECT_TRUE(holds(message({.noise = std::nan("")}), "data.shapes.noise"));
}

}  // namespace
}  // namespace enas::data
