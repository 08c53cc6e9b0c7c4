// SPDX-License-Identifier: Apache-2.0
#include "bench/scaling_model.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace enas::bench {
namespace {

constexpr NetworkConstants kNetwork{1e-3, 1e6};

StepShape shape_on(int ranks, int slots) {
  return {.ranks = ranks, .slots = slots, .slot_s = 0.5, .update_s = 0.25, .union_bytes = 6e6};
}

TEST(ScalingModel, OneRankSendsNothing) {
  for (const auto kind : {ReductionKind::tree, ReductionKind::ring}) {
    EXPECT_EQ(messages_of(1), 0.0);
    EXPECT_EQ(bytes_of(kind, shape_on(1, 4)), 0.0);
    EXPECT_EQ(step_seconds(kind, shape_on(1, 4), kNetwork), 4 * 0.5 + 0.25);
  }
}

TEST(ScalingModel, ARingSendsTheBufferTwiceButForItsOwnPart) {
  EXPECT_DOUBLE_EQ(bytes_of(ReductionKind::ring, shape_on(4, 4)), 2 * 0.75 * 6e6);
  EXPECT_DOUBLE_EQ(reduction_seconds(ReductionKind::ring, shape_on(4, 4), kNetwork),
                   6 * 1e-3 + 9.0);
}

TEST(ScalingModel, ATreeOfAlignedBlocksSendsAsMuchAsARing) {
  for (const int ranks : {2, 4, 8}) {
    EXPECT_DOUBLE_EQ(bytes_of(ReductionKind::tree, shape_on(ranks, 16)),
                     bytes_of(ReductionKind::ring, shape_on(ranks, 16)));
  }
}

TEST(ScalingModel, BlocksThatAreNoNodesSendTheirPiecesApart) {
  // Slots 0 to 2 are the nodes [0, 2) and [2, 3): two partial sums from each of the two ranks.
  EXPECT_DOUBLE_EQ(bytes_of(ReductionKind::tree, shape_on(2, 6)), 3 * 0.5 * 6e6);
}

TEST(ScalingModel, TheRankWithTheMostSlotsIsWaitedFor) {
  const NetworkConstants free{0.0, 1e30};
  EXPECT_NEAR(step_seconds(ReductionKind::tree, shape_on(3, 4), free), 2 * 0.5 + 0.25, 1e-9);
}

TEST(ScalingModel, EveryRankNeedsASlot) {
  EXPECT_THROW(bytes_of(ReductionKind::tree, shape_on(5, 4)), ContractError);
}

}  // namespace
}  // namespace enas::bench
