// SPDX-License-Identifier: Apache-2.0
// Fails on rank 1 alone: the harness must print it, must not hang and must end with 1 on every
// rank.
#include <gtest/gtest.h>

#include "support/mpi_main.hpp"

TEST(Harness, FailureOfOneRank) {
  test_world().barrier();
  EXPECT_NE(test_world().rank(), 1);
  EXPECT_FALSE(test_world().all_agree(test_world().rank() != 1));
}

TEST(Harness, GoesOnAfterwards) { EXPECT_TRUE(test_world().all_agree(true)); }
