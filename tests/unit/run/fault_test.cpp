// SPDX-License-Identifier: Apache-2.0
// Faults strike where and when they are asked to, once, and nowhere else.
#include "run/fault.hpp"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/clock.hpp"
#include "support/thrown.hpp"

namespace enas::run {
namespace {

bool corrupts(FaultInjector& faults, std::int64_t step) {
  std::vector<at::Tensor> gradients = {at::ones({2}), at::ones({1, 3})};
  faults.corrupt_gradient(step, gradients);
  const bool first = gradients[0].isnan().all().item<bool>();
  EXPECT_EQ(gradients[1].isnan().all().item<bool>(), first);
  EXPECT_EQ(gradients[1].sizes(), at::IntArrayRef({1, 3}));
  return first;
}

TEST(Fault, NothingHappensWithoutOne) {
  FaultInjector faults("", 0);
  std::vector<float> values = {1.0F};
  for (std::int64_t step = -1; step < 3; ++step) {
    faults.strike(step);
    EXPECT_FALSE(corrupts(faults, step));
    faults.flip({step, true, true, true},
                {{"flip_weight", {{"w", {1}, std::span<float>(values)}}}});
  }
  EXPECT_EQ(values[0], 1.0F);
}

TEST(Fault, RefusesWhatItCannotRead) {
  for (const char* text : {"nan", "1:2", "1:2:", "1:2:fire", "x:2:nan", "1:x:nan", "1,2,nan",
                           "1:2:nan:3", "1:2:nan 3", ":2:nan", "1::nan", "1:2:NAN", "1:save:nan",
                           "1:2:flip_weight:64", "1:2:flip_weight:-1", "1:2:flip_weight:x",
                           "1:2:flip_weight:3:4", "1:sometimes:flip_weight", "1:2:kill_forever"}) {
    const std::string message = thrown<ConfigError>([&] { FaultInjector(text, 0); });
    EXPECT_TRUE(contains(message, "ENAS_FAULT")) << text;
    EXPECT_TRUE(contains(message, "flip_strategy")) << text;
  }
}

TEST(Fault, FiresOnceOnItsRankAndStep) {
  FaultInjector faults("2:7:nan", 2);
  EXPECT_FALSE(corrupts(faults, 6));
  EXPECT_TRUE(corrupts(faults, 7));
  EXPECT_FALSE(corrupts(faults, 7));
  EXPECT_FALSE(corrupts(faults, 8));
  FaultInjector elsewhere("2:7:nan", 1);
  EXPECT_FALSE(corrupts(elsewhere, 7));
  FaultInjector missed("2:7:nan", 2);
  EXPECT_FALSE(corrupts(missed, 8));
}

TEST(Fault, NanForeverIsEverywhereFromItsStepOn) {
  for (const int rank : {0, 3}) {
    FaultInjector faults("0:5:nan_forever", rank);
    EXPECT_FALSE(corrupts(faults, 4));
    for (const std::int64_t step : {5, 5, 6, 900}) EXPECT_TRUE(corrupts(faults, step));
  }
}

TEST(Fault, ThrowsOnce) {
  FaultInjector faults("0:3:throw", 0);
  faults.strike(2);
  EXPECT_EQ(thrown_code([&] { faults.strike(3); }), ExitCode::internal);
  faults.strike(3);
}

TEST(Fault, KillsTheProcess) {
  EXPECT_EXIT(FaultInjector("0:3:kill", 0).strike(3), testing::KilledBySignal(SIGKILL), "");
  FaultInjector("0:3:kill", 0).strike(2);
  FaultInjector("0:3:kill", 1).strike(3);
}

TEST(Fault, IsSlow) {
  FaultInjector faults("0:3:slow", 0);
  const Stopwatch watch;
  faults.strike(3);
  EXPECT_GE(watch.seconds(), 2.0);
}

TEST(Fault, AbortsTheProcess) {
  EXPECT_EXIT(FaultInjector("0:3:abort", 0).strike(3), testing::KilledBySignal(SIGABRT), "");
}

TEST(Fault, DragsFromItsStepOn) {
  for (const std::int64_t step : {3, 4}) {
    const Stopwatch watch;
    FaultInjector("0:3:slow_forever", 0).drag(step);
    EXPECT_GE(watch.seconds(), 0.2);
  }
  const FaultInjector other("1:3:slow_forever", 0);
  const Stopwatch watch;
  for (int i = 0; i < 1000; ++i) other.drag(3);
  EXPECT_LT(watch.seconds(), 200.0);
}

TEST(Fault, SkipsOneSum) {
  FaultInjector faults("0:3:skip_sum", 0);
  EXPECT_FALSE(faults.skips_sum(2));
  EXPECT_TRUE(faults.skips_sum(3));
  EXPECT_FALSE(faults.skips_sum(3));
}

/// Values under two kinds of flips, in two arrays each.
struct FlipTest : testing::Test {
  std::vector<float> first = {1.0F, 1.5F, 3.0F};
  std::vector<float> second = first;
  std::vector<float> other = first;

  void flip(FaultInjector& faults, const FaultMoment& moment) {
    const NamedArray a = {"a", {3}, std::span<float>(first)};
    const NamedArray b = {"b", {3}, std::span<float>(second)};
    const NamedArray c = {"c", {3}, std::span<float>(other)};
    faults.flip(moment, {{"flip_strategy", {c}}, {"flip_weight", {a, b}}, {"flip_idle", {}}});
  }
  /// The bits by which the middle value of the first array now differs from 1.5.
  std::uint32_t flipped() const {
    EXPECT_EQ(first[0], 1.0F);
    EXPECT_EQ(first[2], 3.0F);
    EXPECT_EQ(second, (std::vector<float>{1.0F, 1.5F, 3.0F}));
    EXPECT_EQ(other, second);
    std::uint32_t now = 0;
    std::memcpy(&now, &first[1], 4);
    return now ^ 0x3fc00000U;
  }
};

TEST_F(FlipTest, HitsOneBitOnce) {
  FaultInjector faults("0:4:flip_weight:7", 0);
  flip(faults, {3});
  EXPECT_EQ(flipped(), 0U);
  flip(faults, {4});
  EXPECT_EQ(flipped(), 1U << 7);
  flip(faults, {4});
  EXPECT_EQ(flipped(), 1U << 7);
}

TEST_F(FlipTest, HitsABitOfItsOwnWhereNoneIsNamed) {
  FaultInjector faults("0:4:flip_weight", 0);
  flip(faults, {4});
  EXPECT_EQ(__builtin_popcount(flipped()), 1);
}

TEST_F(FlipTest, ReachesSignAndExponent) {
  FaultInjector sign("0:4:flip_weight:31", 0);
  flip(sign, {4});
  EXPECT_EQ(first[1], -1.5F);
  FaultInjector exponent("0:5:flip_weight:30", 0);
  flip(exponent, {5});
  EXPECT_TRUE(std::isnan(first[1]));  // 1.5 has all other bits of the exponent
}

TEST_F(FlipTest, MakesAnyValueInfinite) {
  first[1] = 0.0F;
  FaultInjector faults("0:4:flip_weight:exponent", 0);
  flip(faults, {4});
  EXPECT_TRUE(std::isinf(first[1]));
  std::vector<double> baseline = {0.0};
  FaultInjector in_double("0:4:flip_baseline:exponent", 0);
  in_double.flip({4}, {{"flip_baseline", {{"baseline", {1}, std::span<double>(baseline)}}}});
  EXPECT_TRUE(std::isinf(baseline[0]));
}

TEST_F(FlipTest, WaitsForItsMoment) {
  for (const auto& [text, moment] :
       std::vector<std::pair<std::string, FaultMoment>>{{"round", {7, true, false, false}},
                                                        {"save", {7, false, true, false}},
                                                        {"stop", {7, false, false, true}}}) {
    FaultInjector faults("0:" + text + ":flip_weight", 0);
    flip(faults, {7, !moment.ends_round, !moment.saves, !moment.stops});
    EXPECT_EQ(flipped(), 0U) << text;
    flip(faults, moment);
    EXPECT_NE(flipped(), 0U) << text;
    first[1] = 1.5F;
    flip(faults, moment);
    EXPECT_EQ(flipped(), 0U) << text;
  }
}

TEST_F(FlipTest, ComesBackForever) {
  FaultInjector faults("0:4:flip_weight_forever:exponent", 0);
  flip(faults, {3});
  EXPECT_EQ(flipped(), 0U);
  for (const std::int64_t step : {4, 4, 9}) {
    flip(faults, {step});
    EXPECT_NE(flipped(), 0U);
    first[1] = 1.5F;
  }
}

TEST_F(FlipTest, HasNothingToHitInAnEmptyState) {
  FaultInjector faults("0:4:flip_idle", 0);
  flip(faults, {4});
  EXPECT_EQ(flipped(), 0U);
  EXPECT_TRUE(faults.is_armed());
}

}  // namespace
}  // namespace enas::run
