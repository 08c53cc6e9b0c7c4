// SPDX-License-Identifier: Apache-2.0
#include "search/derive/derivation.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace enas::search {
namespace {

TEST(KendallTau, IsOneForTheSameOrderAndMinusOneForTheOpposite) {
  EXPECT_DOUBLE_EQ(kendall_tau({1.0, 2.0, 5.0, 9.0}, {10.0, 20.0, 21.0, 40.0}), 1.0);
  EXPECT_DOUBLE_EQ(kendall_tau({1.0, 2.0, 5.0, 9.0}, {4.0, 3.0, 2.0, 1.0}), -1.0);
}

TEST(KendallTau, CountsPairs) {
  // Five pairs agree, one does not.
  EXPECT_DOUBLE_EQ(kendall_tau({1.0, 2.0, 3.0, 4.0}, {1.0, 3.0, 2.0, 4.0}), 4.0 / 6.0);
}

TEST(KendallTau, LeavesTiesOutAsTauB) {
  // scipy.stats.kendalltau([1, 2, 2, 3], [1, 2, 3, 4]) = 5 / sqrt(5 · 6).
  EXPECT_DOUBLE_EQ(kendall_tau({1.0, 2.0, 2.0, 3.0}, {1.0, 2.0, 3.0, 4.0}), 5.0 / std::sqrt(30.0));
}

TEST(KendallTau, IsNoNumberWhereNothingDiffers) {
  EXPECT_TRUE(std::isnan(kendall_tau({}, {})));
  EXPECT_TRUE(std::isnan(kendall_tau({1.0}, {2.0})));
  EXPECT_TRUE(std::isnan(kendall_tau({1.0, 1.0}, {1.0, 2.0})));
}

}  // namespace
}  // namespace enas::search
