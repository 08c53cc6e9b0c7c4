// SPDX-License-Identifier: Apache-2.0
// Records and rollouts of all ranks in item order, and mismatches named on every rank alike.
#include "search/step_record.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "comm/slot_tree.hpp"
#include "core/text.hpp"
#include "search/replica_guard.hpp"
#include "search/rollout_exchange.hpp"
#include "support/mpi_main.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
namespace {

constexpr io::Digest kDigest{7, 8};

int last_rank() { return test_world().size() - 1; }
bool on_last_rank() { return test_world().rank() == last_rank(); }

std::vector<StepRecord> own_records(int num_items) {
  const auto own = comm::block_of(test_world().rank(), test_world().size(), num_items);
  std::vector<StepRecord> records;
  for (int item = own.begin; item < own.end; ++item) {
    StepRecord record;
    record.item = item;
    record.step = 12;
    record.loss = 0.1 * item;
    record.correct = 50 + item;
    record.count = 100 + item;
    record.finite = item % 3 == 1 ? 0 : 1;
    records.push_back(record);
  }
  return records;
}

TEST(GatherRecords, ADamagedCarriedStateOfOneRankEndsTheStepOfAll) {
  const std::int64_t flags = on_last_rank() ? std::int64_t{kFlagDamaged} : 0;
  const std::string message = thrown<ReplicasDiffer>(
      [&] { gather_records(test_world(), 4, 12, kDigest, flags, own_records(4)); });
  EXPECT_EQ(message, concat("a carried state on rank ", last_rank(), " is not finite at step 12"));
}

TEST(GatherRecords, GivesAllRecordsInItemOrder) {
  for (const int num_items : {1, 2, 3, 4, 7, 10}) {
    const auto all =
        gather_records(test_world(), num_items, 12, kDigest, 0, own_records(num_items));
    EXPECT_EQ(all.records.size(), static_cast<std::size_t>(num_items));
    int num_finite = 0;
    for (std::size_t i = 0; i < all.records.size(); ++i) {
      const int item = static_cast<int>(i);
      EXPECT_EQ(all.records[i].item, item);
      EXPECT_EQ(all.records[i].step, 12);
      EXPECT_EQ(all.records[i].loss, 0.1 * item);
      EXPECT_EQ(all.records[i].correct, 50 + item);
      EXPECT_EQ(all.records[i].count, 100 + item);
      EXPECT_EQ(all.records[i].finite, item % 3 == 1 ? 0 : 1);
      num_finite += item % 3 == 1 ? 0 : 1;
    }
    EXPECT_EQ(all.num_finite, num_finite);
    EXPECT_EQ(all.flags, 0);
  }
}

TEST(GatherRecords, JoinsFlagsOfRanksWithAndWithoutItems) {
  for (const int num_items : {1, 9}) {
    const std::int64_t mine = (test_world().is_root() ? std::int64_t{kFlagStop} : 0) |
                              (on_last_rank() ? std::int64_t{kFlagCheckpoint} : 0);
    const auto all =
        gather_records(test_world(), num_items, 12, kDigest, mine, own_records(num_items));
    EXPECT_EQ(all.flags, kFlagStop | kFlagCheckpoint);
    const auto same =
        gather_records(test_world(), num_items, 12, kDigest, kFlagStop, own_records(num_items));
    EXPECT_EQ(same.flags, kFlagStop);
  }
}

TEST(GatherRecords, NamesADigestThatDiffersOnEveryRank) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  for (const bool high : {false, true}) {
    io::Digest mine = kDigest;
    if (on_last_rank()) ++(high ? mine.high : mine.low);
    const std::string message = thrown<ReplicasDiffer>(
        [&] { gather_records(test_world(), 4, 12, mine, 0, own_records(4)); });
    EXPECT_TRUE(contains(message, "step 12")) << message;
    EXPECT_TRUE(contains(message, concat("ranks 0 and ", last_rank()))) << message;
  }
}

TEST(GatherRecords, NamesAStepThatDiffersOnEveryRank) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  const std::string message = thrown<ContractError>([&] {
    gather_records(test_world(), 4, on_last_rank() ? 13 : 12, kDigest, 0, own_records(4));
  });
  EXPECT_TRUE(contains(message, "12 and 13")) << message;
}

TEST(GatherRecords, MissesARecordOnEveryRank) {
  auto records = own_records(4);
  if (on_last_rank()) records.pop_back();
  EXPECT_THROW(gather_records(test_world(), 4, 12, kDigest, 0, records), ContractError);
}

space::Rollout rollout(int index) {
  space::Rollout made;
  made.architecture.space_id = "space/1";
  for (int i = 0; i < index % 4; ++i) made.architecture.tokens.push_back(10 * index + i);
  made.loss = index == 2 ? std::numeric_limits<double>::quiet_NaN() : 0.1 * index;
  made.metric = 0.7 * index;
  made.status = index == 2 ? space::RolloutStatus::not_finite : space::RolloutStatus::ok;
  return made;
}

TEST(RolloutExchange, GivesAllRolloutsInOrder) {
  for (const int count : {0, 1, 3, 9}) {
    const auto own = comm::block_of(test_world().rank(), test_world().size(), count);
    std::vector<space::Rollout> mine;
    for (int i = own.begin; i < own.end; ++i) mine.push_back(rollout(i));
    const auto all = all_gather_rollouts(test_world(), mine, "space/1");
    EXPECT_EQ(all.size(), static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto expected = rollout(static_cast<int>(i));
      EXPECT_EQ(all[i].architecture, expected.architecture);
      EXPECT_EQ(all[i].status, expected.status);
      EXPECT_TRUE(i == 2 ? std::isnan(all[i].loss) : all[i].loss == expected.loss);
      EXPECT_EQ(all[i].metric, expected.metric);
    }
  }
}

constexpr Metric kPerplexity{Metric::Kind::perplexity, 0.0};
constexpr Metric kAccuracy{Metric::Kind::accuracy, 0.0};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RolloutExchange, ScoresAreMeans) {
  const space::Architecture child{"space/1", {1}};
  const auto text = rollout_of(child, {6.0, 0, 4}, kPerplexity);
  EXPECT_EQ(text.architecture, child);
  EXPECT_EQ(text.loss, 1.5);
  EXPECT_EQ(text.metric, std::exp(1.5));
  EXPECT_EQ(text.status, space::RolloutStatus::ok);
  const auto images = rollout_of(child, {6.0, 3, 4}, kAccuracy);
  EXPECT_EQ(images.loss, 1.5);
  EXPECT_EQ(images.metric, 0.75);
  EXPECT_EQ(images.status, space::RolloutStatus::ok);
}

TEST(RolloutExchange, MakesAStatusOfALossOrMetricThatIsNotFinite) {
  const space::Architecture child{"space/1", {1}};
  for (const Metric& metric : {kPerplexity, kAccuracy}) {
    for (const double nats : {kInfinity, std::nan("")}) {
      EXPECT_EQ(rollout_of(child, {nats, 1, 4}, metric).status, space::RolloutStatus::not_finite);
    }
  }
  // A finite loss may have no finite perplexity.
  EXPECT_EQ(rollout_of(child, {4000.0, 0, 4}, kPerplexity).status,
            space::RolloutStatus::not_finite);
  EXPECT_EQ(rollout_of(child, {4000.0, 1, 4}, kAccuracy).status, space::RolloutStatus::ok);
}

TEST(RolloutExchange, HasARecordOfARollout) {
  const space::Architecture child{"space/1", {1}};
  const auto record = record_of(rollout_of(child, {6.0, 0, 4}, kPerplexity), 3, 12);
  EXPECT_EQ(record.item, 3);
  EXPECT_EQ(record.step, 12);
  EXPECT_EQ(record.loss, 1.5);
  EXPECT_EQ(record.finite, 1);
  EXPECT_EQ(record_of(rollout_of(child, {std::nan(""), 0, 4}, kPerplexity), 3, 12).finite, 0);
}

}  // namespace
}  // namespace enas::search
