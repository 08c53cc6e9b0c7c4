// SPDX-License-Identifier: Apache-2.0
// Children of a phase are found by slot and step.
#include "search/search_state.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace enas::search {
namespace {

PhaseChildren children(std::int64_t rows) {
  PhaseChildren phase{{rows, 4, 2}, std::vector<std::int32_t>(static_cast<std::size_t>(rows * 8))};
  std::iota(phase.tokens.begin(), phase.tokens.end(), 0);
  return phase;
}

TEST(PhaseChildren, OneRowASlot) {
  const auto phase = children(3);
  EXPECT_EQ(phase.child("s/1", 0, 0), (space::Architecture{"s/1", {0, 1}}));
  EXPECT_EQ(phase.child("s/1", 0, 3), (space::Architecture{"s/1", {6, 7}}));
  EXPECT_EQ(phase.child("s/1", 1, 0), (space::Architecture{"s/1", {8, 9}}));
  EXPECT_EQ(phase.child("s/1", 2, 3), (space::Architecture{"s/1", {22, 23}}));
}

TEST(PhaseChildren, OneRowForAllSlots) {
  const auto phase = children(1);
  for (const std::int64_t slot : {0, 1, 7}) {
    EXPECT_EQ(phase.child("s/1", slot, 2), (space::Architecture{"s/1", {4, 5}}));
  }
}

TEST(Progress, StartsInTheWeightPhase) {
  Progress progress;
  EXPECT_TRUE(progress.in_weight_phase());
  progress.phase = kControllerPhase;
  EXPECT_FALSE(progress.in_weight_phase());
}

}  // namespace
}  // namespace enas::search
