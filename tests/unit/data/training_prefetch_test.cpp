// SPDX-License-Identifier: Apache-2.0
// Batches from the preparing thread are those that ImageBatches gives, whatever is asked for.
#include "data/training_prefetch.hpp"

#include <torch/torch.h>

#include <vector>

#include "core/random.hpp"
#include "unit/data/small_images.hpp"

namespace enas::data {
namespace {

constexpr AugmentOptions kAugment = {.pad = 2, .flip = true, .cutout = 2};

class TrainingPrefetchTest : public testing::Test {
 protected:
  TrainingPrefetchTest()
      : set_(counting_images({.channels = 3, .height = 6, .width = 6}, 50, 10)),
        batches_(set_, kAugment, 3, 4, 1),
        direct_(set_, kAugment, 3, 4, 1) {}

  void expect_same(TrainingPrefetch& prefetch, const TrainingPlace& place) const {
    const ImageBatch found = prefetch.get(place);
    const ImageBatch wanted = direct_.training(place);
    EXPECT_TRUE(at::equal(found.input, wanted.input));
    EXPECT_TRUE(at::equal(found.target, wanted.target));
  }
  /// The places of the slots [1, 3), with a jump of the step between rounds.
  std::vector<TrainingPlace> places(int rounds) const {
    std::vector<TrainingPlace> all;
    for (int round = 0; round < rounds; ++round) {
      for (std::int64_t index = 0; index < direct_.steps_in_pass(); ++index) {
        for (int slot = 1; slot < 3; ++slot)
          all.push_back({round, index, 100 * round + index, slot});
      }
    }
    return all;
  }

  ImageSet set_;
  ImageBatches batches_;
  ImageBatches direct_;  // the other one belongs to the preparing thread
};

TEST_F(TrainingPrefetchTest, InOrderOverSeveralRounds) {
  TrainingPrefetch prefetch(batches_, 1, 3);
  for (const TrainingPlace& place : places(3)) expect_same(prefetch, place);
}

TEST_F(TrainingPrefetchTest, OutOfOrder) {
  TrainingPrefetch prefetch(batches_, 1, 3);
  const std::vector<TrainingPlace> all = places(3);
  RandomStream stream(1, {.purpose = Purpose::test});
  for (int i = 0; i < 200; ++i) {
    // Short runs in order, so that jumps meet a full queue, an empty one and a batch in the making.
    std::size_t at = stream.next_below(all.size());
    for (auto left = stream.next_below(4); left > 0 && at < all.size(); --left, ++at) {
      expect_same(prefetch, all[at]);
    }
  }
  expect_same(prefetch, all[5]);
  expect_same(prefetch, all[5]);
}

TEST_F(TrainingPrefetchTest, AllSlotsAndOneSlot) {
  TrainingPrefetch all(batches_, 0, 3);
  for (int slot = 0; slot < 3; ++slot) expect_same(all, {0, 0, 7, slot});
  expect_same(all, {0, 1, 8, 0});
  TrainingPrefetch one(direct_, 2, 3);
  EXPECT_EQ(one.get({0, 0, 0, 2}).target.size(0), 4);
  EXPECT_EQ(one.get({0, 1, 1, 2}).target.size(0), 4);
}

TEST_F(TrainingPrefetchTest, ErrorsOfTheThreadAreThrownAndItGoesOn) {
  TrainingPrefetch prefetch(batches_, 1, 3);
  const std::vector<TrainingPlace> all = places(1);
  expect_same(prefetch, all[0]);
  TrainingPlace beyond = all[0];
  beyond.index = direct_.steps_in_pass();
  EXPECT_THROW(prefetch.get(beyond), ContractError);
  EXPECT_THROW(prefetch.get(beyond), ContractError);
  beyond.slot = 2;
  EXPECT_THROW(prefetch.get(beyond), ContractError) << "the next in order, which is not prepared";
  expect_same(prefetch, all[1]);
  expect_same(prefetch, all[2]);
}

TEST_F(TrainingPrefetchTest, SlotsOfOthersAreRefused) {
  TrainingPrefetch prefetch(batches_, 1, 3);
  EXPECT_THROW(prefetch.get({0, 0, 0, 0}), ContractError);
  EXPECT_THROW(prefetch.get({0, 0, 0, 3}), ContractError);
  EXPECT_THROW(TrainingPrefetch(batches_, 1, 1), ContractError);
}

TEST_F(TrainingPrefetchTest, StopsWhereverItIs) {
  for (int taken = 0; taken < 30; ++taken) {
    TrainingPrefetch prefetch(batches_, 1, 3);
    const std::vector<TrainingPlace> all = places(1);
    for (int i = 0; i < taken % 5; ++i) prefetch.get(all[static_cast<std::size_t>(i)]);
  }
}

}  // namespace
}  // namespace enas::data
