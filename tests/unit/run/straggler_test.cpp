// SPDX-License-Identifier: Apache-2.0
// The rank that the others wait for is named, and only that one.
#include "run/straggler.hpp"

#include <gtest/gtest.h>

#include "support/thrown.hpp"

namespace enas::run {
namespace {

std::vector<StepRecord> records(const std::vector<double>& seconds) {
  std::vector<StepRecord> slots(seconds.size());
  for (std::size_t i = 0; i < seconds.size(); ++i) slots[i].seconds = seconds[i];
  return slots;
}

/// What is said after one step; the interval ends at once.
std::string said(const std::vector<double>& seconds, int ranks, double factor = 2.0) {
  ReliabilityOptions options;
  options.straggler_factor = factor;
  options.straggler_interval_s = 0.0;
  std::vector<std::string> nodes;
  for (int rank = 0; rank < ranks; ++rank) nodes.push_back("node" + std::to_string(rank));
  StragglerWatch watch(options, nodes);
  return watch.note(records(seconds));
}

TEST(Straggler, NamesRankAndNode) {
  for (int slow = 0; slow < 4; ++slow) {
    std::vector<double> seconds(4, 1.0);
    seconds[static_cast<std::size_t>(slow)] = 2.5;
    const std::string text = said(seconds, 4);
    const std::string number = std::to_string(slow);
    EXPECT_TRUE(contains(text, "rank " + number + " (node" + number + ") is slow")) << text;
  }
}

TEST(Straggler, EqualRanksAreNotSlow) {
  EXPECT_EQ(said({1.0, 1.1, 0.9, 1.9}, 4), "");
  EXPECT_EQ(said({1.0, 1.0}, 2), "");
  EXPECT_EQ(said({0.0, 0.0}, 2), "");
}

TEST(Straggler, MoreSlotsAreNotSlowness) {
  // Ranks 0 to 3 own 1, 2, 1 and 2 of six slots.
  EXPECT_EQ(said({1.0, 1.0, 1.0, 1.0, 1.0, 1.0}, 4), "");
  EXPECT_TRUE(contains(said({1.0, 3.0, 3.0, 1.0, 1.0, 1.0}, 4), "rank 1"));
}

TEST(Straggler, OneRankOrNoFactorSaysNothing) {
  EXPECT_EQ(said({1.0, 9.0}, 1), "");
  EXPECT_EQ(said({1.0, 9.0}, 2, 0.0), "");
}

TEST(Straggler, SpeaksOnceAnInterval) {
  ReliabilityOptions options;
  options.straggler_interval_s = 1000.0;
  StragglerWatch watch(options, {"a", "b"});
  for (int step = 0; step < 100; ++step) EXPECT_EQ(watch.note(records({1.0, 9.0})), "");
}

TEST(Straggler, ForgetsTheIntervalBefore) {
  ReliabilityOptions options;
  options.straggler_interval_s = 0.0;
  StragglerWatch watch(options, {"a", "b"});
  EXPECT_NE(watch.note(records({1.0, 9.0})), "");
  EXPECT_EQ(watch.note(records({1.0, 1.0})), "");
}

}  // namespace
}  // namespace enas::run
