// SPDX-License-Identifier: Apache-2.0
// Geometry and addresses of crop, flip and cutout, on one tiny image that is the whole training
// split.
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "data/image_batches.hpp"
#include "unit/data/small_images.hpp"

namespace enas::data {
namespace {

constexpr int kSide = 5;
constexpr int kBatch = 20;
constexpr int kSteps = 200;
constexpr int kDrawn = kBatch * kSteps;
constexpr double kFiveSigma = 5 * 0.5 / 63.2;  // of a frequency among 4000

using Grid = std::array<std::array<float, kSide>, kSide>;

class AugmentationTest : public testing::Test {
 protected:
  AugmentationTest() {
    const ImageShape shape = {.channels = 1, .height = kSide, .width = kSide};
    for (int image = 0; image < 2 * kBatch + 2; ++image) {
      for (int value = 0; value < kSide * kSide; ++value) {
        pixels_.push_back(static_cast<std::uint8_t>(value * value / 3 + value));
      }
    }
    set_.shape = shape;
    set_.num_classes = 1;
    split_images(pool_of(pixels_, shape, 1), {.valid_size = 2}, set_);
    original_ = grids(ImageBatches(set_, {}, 1, 1, 1).validation(0, 1).input)[0];
    for (const auto& row : original_) {
      for (const float value : row) EXPECT_NE(value, 0.0F) << "zeros must come from augmentation";
    }
  }

  static std::vector<Grid> grids(const at::Tensor& input) {
    std::vector<Grid> all(static_cast<std::size_t>(input.size(0)));
    const auto values = input.accessor<float, 4>();
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t y = 0; y < kSide; ++y) {
        for (std::size_t x = 0; x < kSide; ++x) {
          all[i][y][x] = values[static_cast<int>(i)][0][static_cast<int>(y)][static_cast<int>(x)];
        }
      }
    }
    return all;
  }
  std::vector<Grid> draw(const AugmentOptions& augment, int num_steps = kSteps) const {
    const ImageBatches batches(set_, augment, 2, kBatch, 1);
    std::vector<Grid> all;
    for (int step = 0; step < num_steps; ++step) {
      for (const Grid& grid : grids(batches.training({0, 0, step, 1}).input)) all.push_back(grid);
    }
    return all;
  }
  Grid shifted(int down, int right) const {
    Grid grid{};
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const int from_y = y + down, from_x = x + right;
        if (from_y < 0 || from_y >= kSide || from_x < 0 || from_x >= kSide) continue;
        grid[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] =
            original_[static_cast<std::size_t>(from_y)][static_cast<std::size_t>(from_x)];
      }
    }
    return grid;
  }
  static Grid mirrored(Grid grid) {
    for (auto& row : grid) std::swap(row[0], row[4]), std::swap(row[1], row[3]);
    return grid;
  }
  /// Frequency with which each row holds a pixel that was cut.
  std::array<double, kSide> cut_rows(const std::vector<Grid>& drawn) const {
    std::array<double, kSide> frequency{};
    for (const Grid& grid : drawn) {
      for (std::size_t y = 0; y < kSide; ++y) frequency[y] += (grid[y] != original_[y]) / 4000.0;
    }
    return frequency;
  }

  std::vector<std::uint8_t> pixels_;
  ImageSet set_;
  Grid original_{};
};

TEST_F(AugmentationTest, NothingIsDoneWhenAllIsOff) {
  for (const Grid& grid : draw({.pad = 0, .flip = false}, 3)) EXPECT_EQ(grid, original_);
}

TEST_F(AugmentationTest, CropsAreUniformOverAllShiftsAndZeroOutside) {
  std::map<Grid, int> counts;
  for (const Grid& grid : draw({.pad = 2, .flip = false})) ++counts[grid];
  EXPECT_EQ(counts.size(), 25U);
  for (int down = -2; down <= 2; ++down) {
    for (int right = -2; right <= 2; ++right) {
      EXPECT_NEAR(counts[shifted(down, right)], kDrawn / 25, 5 * 12.4) << down << " " << right;
    }
  }
  EXPECT_EQ(counts.size(), 25U) << "a crop that is no shift";
}

TEST_F(AugmentationTest, HalfOfTheImagesAreMirrored) {
  int num_mirrored = 0;
  for (const Grid& grid : draw({.pad = 0, .flip = true})) {
    const bool is_mirrored = grid == mirrored(original_);
    EXPECT_TRUE(is_mirrored || grid == original_);
    num_mirrored += is_mirrored;
  }
  EXPECT_NEAR(num_mirrored / double{kDrawn}, 0.5, kFiveSigma);
}

TEST_F(AugmentationTest, TheFlipFollowsTheCrop) {
  const std::vector<Grid> cropped = draw({.pad = 2, .flip = false}, 5);
  const std::vector<Grid> both = draw({.pad = 2, .flip = true}, 5);
  for (std::size_t i = 0; i < cropped.size(); ++i) {
    EXPECT_TRUE(both[i] == cropped[i] || both[i] == mirrored(cropped[i])) << i;
  }
  EXPECT_NE(both, cropped);
}

TEST_F(AugmentationTest, CutoutZeroesARectangleAndKeepsTheRest) {
  const AugmentOptions without = {.pad = 1, .flip = true};
  for (const bool corner : {false, true}) {
    const std::vector<Grid> before = draw(without, 5);
    const std::vector<Grid> after =
        draw({.pad = 1, .flip = true, .cutout = 3, .cutout_corner = corner}, 5);
    for (std::size_t i = 0; i < before.size(); ++i) {
      std::size_t top = kSide, bottom = 0, left = kSide, right = 0;
      for (std::size_t y = 0; y < kSide; ++y) {
        for (std::size_t x = 0; x < kSide; ++x) {
          if (after[i][y][x] == before[i][y][x]) continue;
          EXPECT_EQ(after[i][y][x], 0.0F) << "the other changes must stay as they were";
          top = std::min(top, y), bottom = std::max(bottom, y + 1);
          left = std::min(left, x), right = std::max(right, x + 1);
        }
      }
      for (std::size_t y = top; y < bottom; ++y) {
        for (std::size_t x = left; x < right; ++x) EXPECT_EQ(after[i][y][x], 0.0F);
      }
      EXPECT_LE(bottom, top + 3);
      EXPECT_LE(right, left + 3);
    }
  }
}

TEST_F(AugmentationTest, CentredCutoutReachesAllBordersAlike) {
  // Row y is cut when the centre is in [y - 1, y + 1]: two of five centres at a border, else three.
  const std::array<double, kSide> wanted = {0.4, 0.6, 0.6, 0.6, 0.4};
  const std::vector<Grid> drawn = draw({.pad = 0, .flip = false, .cutout = 3});
  const std::array<double, kSide> found = cut_rows(drawn);
  for (std::size_t y = 0; y < kSide; ++y) EXPECT_NEAR(found[y], wanted[y], kFiveSigma) << y;
  std::map<Grid, int> counts;
  for (const Grid& grid : drawn) ++counts[grid];
  EXPECT_EQ(counts.size(), 25U) << "each centre gives its own picture";
}

TEST_F(AugmentationTest, CornerCutoutIsClippedAtRightAndBottomOnly) {
  const std::array<double, kSide> wanted = {0.2, 0.4, 0.6, 0.6, 0.6};
  const std::array<double, kSide> found =
      cut_rows(draw({.pad = 0, .flip = false, .cutout = 3, .cutout_corner = true}));
  for (std::size_t y = 0; y < kSide; ++y) EXPECT_NEAR(found[y], wanted[y], kFiveSigma) << y;
}

TEST_F(AugmentationTest, EvenCutoutLiesAsFarBeforeItsCentreAsAfter) {
  // DeVries & Taylor: rows [centre - 1, centre + 1), so row 4 is cut by one centre only.
  const std::array<double, kSide> wanted = {0.4, 0.4, 0.4, 0.4, 0.2};
  const std::array<double, kSide> found = cut_rows(draw({.pad = 0, .flip = false, .cutout = 2}));
  for (std::size_t y = 0; y < kSide; ++y) EXPECT_NEAR(found[y], wanted[y], kFiveSigma) << y;
}

TEST_F(AugmentationTest, EverySlotStepAndImageHasChangesOfItsOwn) {
  // All images are equal, so only the changes can tell two batches apart.
  const ImageBatches batches(set_, {.pad = 2, .flip = true, .cutout = 2}, 2, kBatch, 1);
  const at::Tensor here = batches.training({0, 0, 4, 0}).input;
  EXPECT_FALSE(at::equal(batches.training({0, 0, 5, 0}).input, here)) << "step";
  EXPECT_FALSE(at::equal(batches.training({0, 0, 4, 1}).input, here)) << "slot";
  EXPECT_TRUE(at::equal(batches.training({3, 0, 4, 0}).input, here)) << "not the round";
  std::map<Grid, int> counts;
  for (const Grid& grid : grids(here)) ++counts[grid];
  EXPECT_GT(counts.size(), 15U) << "image";
}

}  // namespace
}  // namespace enas::data
