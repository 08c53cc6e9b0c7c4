// SPDX-License-Identifier: Apache-2.0
// Batches of images are functions of their addresses; scores of batches add up; what does not fit
// is refused.
#include "task/image_task.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/shapes.hpp"
#include "support/thrown.hpp"
#include "unit/search/small_settings.hpp"
#include "unit/task/recording_scorer.hpp"

namespace enas::task {
namespace {

struct ImageTaskTest : testing::Test {
  search::Settings settings = search::small_image_settings(space::SpaceKind::macro);
  data::ImageSet images = data::make_shapes(settings.data.shapes);
  data::ImageBatches batches{images, settings.data.augment, 4, 4, settings.run.seed};
  RecordingScorer scorer;

  std::string message() const {
    return thrown<ConfigError>([&] { ImageTask task(task_options(settings), {0, 4}); });
  }
};

void expect_equal(const nn::Batch& batch, const data::ImageBatch& expected) {
  EXPECT_TRUE(batch.input.equal(expected.input));
  EXPECT_TRUE(batch.target.equal(expected.target));
}

TEST_F(ImageTaskTest, SaysWhatItsDataIs) {
  const ImageTask task(task_options(settings), {});
  EXPECT_EQ(task.describe_data(), "shapes: 99/30/5 images 8×8×3, 4 classes");
  EXPECT_EQ(task.data_shape().channels, 3);
  EXPECT_EQ(task.data_shape().num_classes, 4);
  EXPECT_EQ(task.data_digest(), images.digest);
  EXPECT_EQ(task.steps_in_pass(0), 6);
  EXPECT_EQ(task.steps_in_pass(7), 6);
  EXPECT_EQ(task.lr_factor({3, 2, 20}), 1.0);
}

TEST_F(ImageTaskTest, ComparesByAccuracy) {
  const ImageTask task(task_options(settings), {});
  EXPECT_EQ(task.metric().kind, Metric::Kind::accuracy);
  EXPECT_TRUE(std::isnan(task.metric().limit));
}

TEST_F(ImageTaskTest, TrainingBatchesDoNotDependOnTheSlotsOwned) {
  ImageTask all(task_options(settings), {0, 4});
  ImageTask some(task_options(settings), {1, 3});
  std::int64_t step = 30;
  for (const std::int64_t round : {2, 3}) {
    for (std::int64_t index = 0; index < 6; ++index, ++step) {
      const StepPlace place{round, index, step};
      for (int slot = 0; slot < 4; ++slot) {
        const auto batch = all.training_batch(place, slot);
        EXPECT_EQ(batch.input.sizes(), at::IntArrayRef({4, 3, 8, 8}));
        expect_equal(batch, batches.training({round, index, step, slot}));
        if (slot == 1 || slot == 2) {
          const auto same = some.training_batch(place, slot);
          EXPECT_TRUE(same.input.equal(batch.input));
          EXPECT_TRUE(same.target.equal(batch.target));
        }
      }
    }
  }
  EXPECT_FALSE(
      all.training_batch({2, 0, 30}, 0).input.equal(all.training_batch({2, 0, 30}, 1).input));
  EXPECT_FALSE(
      all.training_batch({2, 0, 30}, 0).input.equal(all.training_batch({3, 0, 30}, 0).input));
}

TEST_F(ImageTaskTest, OnlyOwnersOfASlotTrain) {
  ImageTask task(task_options(settings), {});
  EXPECT_THROW(task.training_batch({0, 0, 0}, 0), ContractError);
}

TEST_F(ImageTaskTest, RewardScoreIsOfTheRolloutsBatch) {
  const ImageTask task(task_options(settings), {});
  for (const auto& [rollout, step] : std::vector<std::pair<int, int>>{{0, 40}, {3, 40}, {3, 41}}) {
    const auto score = task.reward_score(scorer, rollout, step);
    const auto& call = scorer.calls.back();
    expect_equal(call.batch, batches.reward(6, static_cast<std::uint64_t>(rollout),
                                            static_cast<std::uint64_t>(step)));
    EXPECT_EQ(call.state_size, 6);
    EXPECT_EQ(score.count, 6);
    EXPECT_EQ(score.nats, call.batch.target.sum().item<double>());
    EXPECT_EQ(score.correct, call.batch.target.eq(0).sum().item<std::int64_t>());
  }
  ASSERT_EQ(scorer.calls.size(), 3U);
  EXPECT_FALSE(scorer.calls[0].batch.input.equal(scorer.calls[1].batch.input));
  EXPECT_FALSE(scorer.calls[1].batch.input.equal(scorer.calls[2].batch.input));
}

TEST_F(ImageTaskTest, ValidationAddsUpWholeBatches) {
  // 30 images: three batches of 8; the 6 images that are left are not scored.
  for (const auto& [limit, expected] :
       std::vector<std::pair<int, int>>{{2, 2}, {3, 3}, {0, 3}, {100, 3}}) {
    settings.validation.batches = limit;
    const ImageTask task(task_options(settings), {});
    scorer.calls.clear();
    const auto score = task.validation_score(scorer);
    ASSERT_EQ(scorer.calls.size(), static_cast<std::size_t>(expected));
    double labels = 0.0;
    std::int64_t zeros = 0;
    for (int batch = 0; batch < expected; ++batch) {
      expect_equal(scorer.calls[static_cast<std::size_t>(batch)].batch,
                   batches.validation(8 * batch, 8));
      for (int image = 8 * batch; image < 8 * batch + 8; ++image) {
        const auto label = images.valid.labels[static_cast<std::size_t>(image)];
        labels += label;
        zeros += label == 0;
      }
    }
    EXPECT_EQ(score.count, 8 * expected);
    EXPECT_EQ(score.nats, labels);
    EXPECT_EQ(score.correct, zeros);
    EXPECT_GT(zeros, 0);
    EXPECT_EQ(task.validation_text(), std::to_string(expected) + " batches of 8 images");
  }
}

TEST_F(ImageTaskTest, ValidationMayUseEveryImage) {
  settings.validation.batch_size = 30;
  settings.validation.batches = 0;
  const ImageTask task(task_options(settings), {});
  EXPECT_EQ(task.validation_score(scorer).count, 30);
}

TEST_F(ImageTaskTest, WholeValidationScoresEveryImageInEvenBatches) {
  // 30 images in batches of 8 at most: 7, 8, 7, 8.
  const ImageTask task(task_options(settings), {});
  const auto score = task.whole_validation_score(scorer);
  EXPECT_EQ(score.count, 30);
  ASSERT_EQ(scorer.calls.size(), 4U);
  std::int64_t begin = 0;
  for (const auto& call : scorer.calls) {
    const std::int64_t size = call.batch.target.size(0);
    EXPECT_TRUE(size == 7 || size == 8) << size;
    expect_equal(call.batch, batches.validation(begin, size));
    begin += size;
  }
  EXPECT_EQ(task.whole_validation_text(), "all 30 images");
}

TEST_F(ImageTaskTest, RefusesBatchesLargerThanTheirSplit) {
  settings.rollout.batch_size = 30;
  settings.validation.batch_size = 30;
  EXPECT_EQ(message(), "");
  settings.rollout.batch_size = 31;
  EXPECT_TRUE(contains(message(), "controller.batch_size is 31")) << message();
  EXPECT_TRUE(contains(message(), "30 images")) << message();
  settings.rollout.batch_size = 6;
  settings.validation.batch_size = 31;
  EXPECT_TRUE(contains(message(), "validation.batch_size is 31")) << message();
  settings.validation.batch_size = 8;
  settings.weights.batch_size = 24;
  EXPECT_EQ(message(), "");
  settings.weights.batch_size = 25;  // 100 images a step of 99
  EXPECT_TRUE(contains(message(), "weights.batch_size = 25")) << message();
}

TEST_F(ImageTaskTest, RefusesSourcesOfText) {
  for (const DataSource source : {DataSource::markov, DataSource::folder}) {
    settings.data.source = source;
    EXPECT_TRUE(contains(message(), "data.source")) << message();
    EXPECT_TRUE(contains(message(), "cifar10, cifar100, hdf5 and shapes")) << message();
  }
}

TEST_F(ImageTaskTest, ReadsTheSourceThatIsNamed) {
  for (const DataSource source : {DataSource::cifar10, DataSource::cifar100, DataSource::hdf5}) {
    settings.data.source = source;
    settings.data.path = "/nowhere/images";
    const std::string text =
        thrown<InputError>([&] { ImageTask task(task_options(settings), {}); });
    EXPECT_TRUE(contains(text, "/nowhere/images")) << text;
  }
}

}  // namespace
}  // namespace enas::task
