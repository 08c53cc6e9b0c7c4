// SPDX-License-Identifier: Apache-2.0
// Faults strike where and when they are asked to, once, and nowhere else.
#include "search/fault.hpp"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "core/clock.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
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
    faults.flip_bit(step, "flip_weight", {{"w", {1}, std::span<float>(values)}});
  }
  EXPECT_EQ(values[0], 1.0F);
}

TEST(Fault, RefusesWhatItCannotRead) {
  for (const char* text : {"nan", "1:2", "1:2:", "1:2:fire", "x:2:nan", "1:x:nan", "1,2,nan",
                           "1:2:nan:3", "1:2:nan 3", ":2:nan", "1::nan", "1:2:NAN"}) {
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

TEST(Fault, FlipsOneBitOfTheFirstArray) {
  for (const std::string kind : {"flip_weight", "flip_strategy"}) {
    const std::string other = kind == "flip_weight" ? "flip_strategy" : "flip_weight";
    std::vector<float> first = {1.0F, 2.0F, 3.0F};
    std::vector<float> second = first;
    const auto arrays = [&]() -> std::vector<NamedArray> {
      return {{"a", {3}, std::span<float>(first)}, {"b", {3}, std::span<float>(second)}};
    };
    FaultInjector faults("0:4:" + kind, 0);
    faults.flip_bit(4, other.c_str(), arrays());
    faults.flip_bit(3, kind.c_str(), arrays());
    EXPECT_EQ(first, second);
    faults.flip_bit(4, kind.c_str(), arrays());
    int bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      std::uint32_t a = 0;
      std::uint32_t b = 0;
      std::memcpy(&a, &first[i], 4);
      std::memcpy(&b, &second[i], 4);
      bits += __builtin_popcount(a ^ b);
    }
    EXPECT_EQ(bits, 1);
    EXPECT_EQ(second, (std::vector<float>{1.0F, 2.0F, 3.0F}));
    const auto once = first;
    faults.flip_bit(4, kind.c_str(), arrays());
    EXPECT_EQ(first, once);
  }
}

TEST(Fault, HasNothingToFlipInAnEmptyState) {
  FaultInjector faults("0:4:flip_strategy", 0);
  faults.flip_bit(4, "flip_strategy", {});
}

}  // namespace
}  // namespace enas::search
