// SPDX-License-Identifier: Apache-2.0
// Records of all ranks in item order, and mismatches named on every rank alike.
#include "run/step_record.hpp"

#include <gtest/gtest.h>

#include "comm/slot_tree.hpp"
#include "core/text.hpp"
#include "run/replicas.hpp"
#include "support/mpi_main.hpp"
#include "support/thrown.hpp"

namespace enas::run {
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

}  // namespace
}  // namespace enas::run
