// SPDX-License-Identifier: Apache-2.0
// Batches: normalisation by hand, who gets which image, and addresses that replay.
#include "data/image_batches.hpp"

#include <torch/torch.h>

#include <cmath>
#include <numeric>
#include <set>

#include "unit/data/small_images.hpp"

namespace enas::data {
namespace {

constexpr AugmentOptions kPlain = {.pad = 0, .flip = false};

/// Image i of the pool is 2 x 2 pixels of the value i, so a batch tells which images it holds.
ImageSet numbered_images(int num_train, int num_valid) {
  const ImageShape shape = {.channels = 1, .height = 2, .width = 2};
  const auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  for (int image = 0; image < num_train + num_valid; ++image) {
    bytes->insert(bytes->end(), 4, static_cast<std::uint8_t>(image));
  }
  ImageSet set;
  set.shape = shape;
  set.num_classes = 2;
  set.storage = bytes;
  split_images(pool_of(*bytes, shape, 2), {.valid_size = num_valid}, set);
  return set;
}

std::vector<int> numbers(const ImageBatches& batches, const ImageBatch& batch) {
  std::vector<int> numbers;
  for (std::int64_t i = 0; i < batch.input.size(0); ++i) {
    const double value = batch.input[i][0][1][1].item<double>();
    const double level = value * batches.standard_deviation()[0] + batches.mean()[0];
    numbers.push_back(static_cast<int>(std::lround(255 * level)));
    EXPECT_EQ(batch.target[i].item<std::int64_t>(), numbers.back() % 2) << "label of its image";
  }
  return numbers;
}

bool same(const ImageBatch& a, const ImageBatch& b) {
  return at::equal(a.input, b.input) && at::equal(a.target, b.target);
}

TEST(ImageBatchesTest, NormalisationByHand) {
  // Three images of two channels of 1 x 2 pixels; the third is the validation split.
  const std::vector<std::uint8_t> pixels = {0, 51, 77, 77, 102, 255, 77, 77, 204, 10, 78, 77};
  ImageSet set;
  set.shape = {.channels = 2, .height = 1, .width = 2};
  set.num_classes = 1;
  split_images(pool_of(pixels, set.shape, 1), {.valid_size = 1}, set);
  const ImageBatches batches(set, kPlain, 1, 1, 1);
  // 0, 51, 102, 255: mean 102, squared deviations 10404 + 2601 + 0 + 23409.
  const double deviation = std::sqrt(36414 / 4.0) / 255;
  EXPECT_DOUBLE_EQ(batches.mean()[0], 102 / 255.0);
  EXPECT_DOUBLE_EQ(batches.standard_deviation()[0], deviation);
  EXPECT_DOUBLE_EQ(batches.mean()[1], 77 / 255.0);
  EXPECT_EQ(batches.standard_deviation()[1], 0);
  const at::Tensor image = batches.validation(0, 1).input[0];
  EXPECT_FLOAT_EQ(image[0][0][0].item<float>(), static_cast<float>((0.8 - 0.4) / deviation));
  EXPECT_FLOAT_EQ(image[0][0][1].item<float>(), static_cast<float>((10 / 255.0 - 0.4) / deviation));
  EXPECT_FLOAT_EQ(image[1][0][0].item<float>(), static_cast<float>(1 / 255.0))
      << "a constant channel is only shifted";
  EXPECT_EQ(image[1][0][1].item<float>(), 0);
}

TEST(ImageBatchesTest, StatisticsAreThoseOfTheTrainingSplitAlone) {
  const ImageSet set = counting_images({.channels = 3, .height = 4, .width = 5}, 9, 4);
  const ImageBatches batches(set, kPlain, 1, 9, 1);
  const at::Tensor all = batches.training({}).input.to(at::kDouble);
  EXPECT_TRUE(at::allclose(all.mean({0, 2, 3}), at::zeros({3}, at::kDouble), 0, 1e-6));
  EXPECT_TRUE(at::allclose(all.pow(2).mean({0, 2, 3}), at::ones({3}, at::kDouble), 0, 1e-6));
}

TEST(ImageBatchesTest, ChannelsLastMemoryInBothOrders) {
  for (const PixelOrder order : {PixelOrder::channels_first, PixelOrder::channels_last}) {
    const ImageShape shape = {.channels = 3, .height = 4, .width = 5};
    const ImageSet set = counting_images(shape, 8, 3, order);
    const ImageBatches batches(set, kPlain, 1, 2, 1);
    const ImageBatch batch = batches.validation(1, 2);
    ASSERT_EQ(batch.input.sizes(), (std::vector<std::int64_t>{2, 3, 4, 5}));
    EXPECT_TRUE(batch.input.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_EQ(batch.input.scalar_type(), at::kFloat);
    EXPECT_EQ(batch.target.scalar_type(), at::kLong);
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < 4; ++y) {
        for (int x = 0; x < 5; ++x) {
          const bool first = order == PixelOrder::channels_first;
          const int place = first ? (c * 4 + y) * 5 + x : (y * 5 + x) * 3 + c;
          const auto k = static_cast<std::size_t>(c);
          const double wanted = (set.valid.pixels[2][place] / 255.0 - batches.mean()[k]) /
                                batches.standard_deviation()[k];
          EXPECT_FLOAT_EQ(batch.input[1][c][y][x].item<float>(), static_cast<float>(wanted));
        }
      }
    }
  }
}

TEST(ImageBatchesTest, APassTouchesEveryImageOnce) {
  const ImageSet set = numbered_images(12, 2);
  const ImageBatches batches(set, kPlain, 2, 3, 7);
  ASSERT_EQ(batches.steps_in_pass(), 2);
  std::vector<std::vector<int>> orders;
  for (int round = 0; round < 3; ++round) {
    std::vector<int>& order = orders.emplace_back();
    for (int index = 0; index < 2; ++index) {
      for (int slot = 0; slot < 2; ++slot) {
        const ImageBatch batch = batches.training({round, index, 10 * round + index, slot});
        for (const int number : numbers(batches, batch)) order.push_back(number);
      }
    }
    EXPECT_EQ(std::set(order.begin(), order.end()).size(), 12U);
    EXPECT_LT(*std::max_element(order.begin(), order.end()), 12) << "a validation image";
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
  EXPECT_FALSE(std::is_sorted(orders[0].begin(), orders[0].end()));
}

TEST(ImageBatchesTest, WhatFillsNoStepIsLeftOut) {
  const ImageSet set = numbered_images(23, 2);
  const ImageBatches batches(set, kPlain, 2, 3, 7);
  ASSERT_EQ(batches.steps_in_pass(), 3);
  std::set<int> seen;
  for (int index = 0; index < 3; ++index) {
    for (int slot = 0; slot < 2; ++slot) {
      for (const int number : numbers(batches, batches.training({0, index, index, slot}))) {
        EXPECT_TRUE(seen.insert(number).second) << number << " came twice";
      }
    }
  }
  EXPECT_EQ(seen.size(), 18U);
  EXPECT_THROW(batches.training({0, 3, 3, 0}), ContractError);
  EXPECT_THROW(batches.training({0, 0, 0, 2}), ContractError);
  EXPECT_THROW(batches.training({0, -1, 0, 0}), ContractError);
}

TEST(ImageBatchesTest, TheImagesOfASlotDependOnSlotsTimesBatchSizeAlone) {
  const ImageSet set = numbered_images(24, 2);
  const ImageBatches two(set, kPlain, 2, 4, 7);
  const ImageBatches one(set, kPlain, 1, 8, 7);
  std::vector<int> both = numbers(two, two.training({1, 2, 5, 0}));
  for (const int number : numbers(two, two.training({1, 2, 5, 1}))) both.push_back(number);
  EXPECT_EQ(numbers(one, one.training({1, 2, 5, 0})), both);
}

TEST(ImageBatchesTest, TheSameBatchWhateverTheOrderOfCalls) {
  const ImageSet set = counting_images({.channels = 3, .height = 6, .width = 6}, 40, 10);
  const AugmentOptions augment = {.pad = 2, .flip = true, .cutout = 2};
  const ImageBatches batches(set, augment, 2, 4, 1);
  std::vector<TrainingPlace> places;
  for (int round = 0; round < 2; ++round) {
    for (int index = 0; index < 3; ++index) {
      for (int slot = 0; slot < 2; ++slot)
        places.push_back({round, index, 9 * round + index, slot});
    }
  }
  std::vector<ImageBatch> first;
  for (const TrainingPlace& place : places) first.push_back(batches.training(place));
  for (std::size_t i = places.size(); i-- > 0;) {
    const ImageBatch fresh = ImageBatches(set, augment, 2, 4, 1).training(places[i]);
    batches.reward(3, i, 1);
    EXPECT_TRUE(same(batches.training(places[i]), first[i])) << i;
    EXPECT_TRUE(same(fresh, first[i])) << i;
    EXPECT_FALSE(same(ImageBatches(set, augment, 2, 4, 2).training(places[i]), first[i]))
        << "another seed, another batch";
  }
}

TEST(ImageBatchesTest, RewardBatchesAreDifferentValidationImagesByAddress) {
  const ImageSet set = numbered_images(20, 30);
  const ImageBatches batches(set, {.pad = 1, .flip = true, .cutout = 1}, 1, 4, 3);
  std::set<int> all_seen;
  std::set<std::vector<int>> all_batches;
  for (std::uint64_t rollout = 0; rollout < 6; ++rollout) {
    for (std::uint64_t step = 0; step < 6; ++step) {
      const ImageBatch batch = batches.reward(10, rollout, step);
      const std::vector<int> drawn = numbers(batches, batch);
      EXPECT_EQ(std::set(drawn.begin(), drawn.end()).size(), 10U);
      EXPECT_GE(*std::min_element(drawn.begin(), drawn.end()), 20) << "a training image";
      all_seen.insert(drawn.begin(), drawn.end());
      all_batches.insert(drawn);
      EXPECT_TRUE(same(batches.reward(10, rollout, step), batch));
    }
  }
  EXPECT_EQ(all_seen.size(), 30U);
  EXPECT_EQ(all_batches.size(), 36U);
  EXPECT_EQ(batches.reward(30, 0, 0).target.size(0), 30);
  const std::string message = refusal<ConfigError>([&] { batches.reward(31, 0, 0); });
  EXPECT_TRUE(holds(message, "controller.batch_size = 31"));
  EXPECT_TRUE(holds(message, "1 to 30"));
}

TEST(ImageBatchesTest, ValidationKeepsItsOrder) {
  const ImageSet set = numbered_images(20, 7);
  const ImageBatches batches(set, {.pad = 1, .flip = true, .cutout = 1}, 1, 4, 3);
  EXPECT_EQ(numbers(batches, batches.validation(0, 4)), (std::vector<int>{20, 21, 22, 23}));
  EXPECT_EQ(numbers(batches, batches.validation(4, 3)), (std::vector<int>{24, 25, 26}));
  EXPECT_THROW(batches.validation(4, 4), ContractError);
  EXPECT_THROW(batches.validation(-1, 2), ContractError);
}

TEST(ImageBatchesTest, OptionsOutOfRangeNameKeyAndRange) {
  const ImageSet set = counting_images({.channels = 1, .height = 6, .width = 8}, 20, 4);
  const auto message = [&](const AugmentOptions& augment, int slots) {
    return refusal<ConfigError>([&] { ImageBatches(set, augment, slots, 7, 1); });
  };
  EXPECT_TRUE(holds(message({}, 3), "need 21 images a step, and the training split"));
  EXPECT_TRUE(
      holds(message({.pad = 6}, 1), "data.pad = 6: 0 to 5 are allowed for images of 6 x 8"));
  EXPECT_TRUE(holds(message({.pad = -1}, 1), "data.pad = -1"));
  EXPECT_TRUE(holds(message({.cutout = 6}, 1), "data.cutout = 6"));
  EXPECT_NO_THROW(ImageBatches(set, {.pad = 5, .cutout = 5}, 2, 7, 1));
}

}  // namespace
}  // namespace enas::data
