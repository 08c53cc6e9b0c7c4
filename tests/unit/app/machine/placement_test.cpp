// SPDX-License-Identifier: Apache-2.0
#include "app/machine/placement.hpp"

#include <gtest/gtest.h>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

TEST(CoresText, JoinsRuns) {
  EXPECT_EQ(cores_text({}), "");
  EXPECT_EQ(cores_text({3}), "3");
  EXPECT_EQ(cores_text({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(ThreadsInForce, ConfigurationThenEnvironmentThenOne) {
  EXPECT_EQ(threads_in_force(3, "8"), 3);
  EXPECT_EQ(threads_in_force(0, "8"), 8);
  EXPECT_EQ(threads_in_force(0, "4,2"), 4);
  EXPECT_EQ(threads_in_force(0, ""), 1);
  EXPECT_EQ(threads_in_force(0, "08"), 8);
  EXPECT_EQ(threads_in_force(3, "many"), 3);
}

TEST(ThreadsInForce, WhatIsNoNumberOfThreadsIsRefused) {
  for (const std::string text : {"many", "-2", "0", "0x8", "2threads", "100000"}) {
    const Refusal refusal = refusal_of([&] { threads_in_force(0, text); });
    EXPECT_EQ(refusal.code, ExitCode::usage) << text;
    EXPECT_NE(refusal.message.find("OMP_NUM_THREADS must be "), std::string::npos);
    EXPECT_NE(refusal.message.find("is " + text + "; or set run.threads"), std::string::npos)
        << refusal.message;
  }
}

TEST(PlacementAdvice, HintsAtIdleCoresOfTheFirstNode) {
  const std::vector<RankPlacement> ranks = {{"a", {0}}, {"a", {1}}, {"b", {0}}};
  const PlacementAdvice advice = placement_advice(ranks, 1, 8);
  EXPECT_NE(advice.hint.find("2 rank(s) of 1 thread(s) keep 2 of 8 cores of a busy"),
            std::string::npos)
      << advice.hint;
  EXPECT_EQ(advice.warning, "");
  EXPECT_EQ(placement_advice(ranks, 1, 2).hint, "");
}

TEST(PlacementAdvice, WarnsOfNarrowBindingAndOversubscription) {
  const PlacementAdvice bound = placement_advice({{"a", {0, 1}}, {"a", {1}}}, 2, 8);
  EXPECT_NE(bound.warning.find("rank 1 has 2 threads but is bound to core(s) 1"), std::string::npos)
      << bound.warning;
  const PlacementAdvice crowded = placement_advice({{"a", {0, 1}}, {"a", {0, 1}}}, 2, 2);
  EXPECT_NE(crowded.warning.find("4 threads share 2 cores"), std::string::npos) << crowded.warning;
  EXPECT_EQ(crowded.hint, "");
}

}  // namespace
}  // namespace enas::app
