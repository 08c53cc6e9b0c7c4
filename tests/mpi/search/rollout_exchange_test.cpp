// SPDX-License-Identifier: Apache-2.0
// Rollouts of all ranks in index order, and what their records say.
#include "search/rollout_exchange.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "comm/slot_tree.hpp"
#include "support/mpi_main.hpp"

namespace enas::search {
namespace {

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

constexpr task::Metric kPerplexity{task::Metric::Kind::perplexity, 0.0};
constexpr task::Metric kAccuracy{task::Metric::Kind::accuracy, 0.0};
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
  for (const task::Metric& metric : {kPerplexity, kAccuracy}) {
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
