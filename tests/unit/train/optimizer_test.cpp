// SPDX-License-Identifier: Apache-2.0
// Learning rates by their formulas; momentum by a sequence worked out by hand.
#include "train/optimizer.hpp"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace enas::train {
namespace {

StepOptions cosine() {
  StepOptions options;
  options.lr_schedule = LrSchedule::cosine;
  options.lr = 0.05;
  options.lr_min = 0.001;
  options.lr_restart_rounds = 10;
  options.lr_restart_factor = 2;
  return options;
}

TEST(ScheduledLr, FollowsTheCosineOfTheFirstPeriod) {
  for (int round = 0; round < 10; ++round) {
    const double expected = 0.001 + 0.049 * (1.0 + std::cos(std::numbers::pi * round / 10.0)) / 2.0;
    EXPECT_NEAR(scheduled_lr(cosine(), round), expected, 1e-15) << round;
  }
  EXPECT_NEAR(scheduled_lr(cosine(), 5), 0.0255, 1e-15);
}

TEST(ScheduledLr, EveryPeriodBeginsAtTheFullRateAndOnlyFalls) {
  const std::set<int> restarts = {0, 10, 30, 70, 150, 310, 630};
  for (int round = 0; round < 1270; ++round) {
    const double lr = scheduled_lr(cosine(), round);
    if (restarts.contains(round)) {
      EXPECT_EQ(lr, 0.05) << round;
    } else {
      EXPECT_LT(lr, scheduled_lr(cosine(), round - 1)) << round;
    }
    EXPECT_GT(lr, 0.001) << round;
  }
  EXPECT_EQ(scheduled_lr(cosine(), 1270), 0.05);
}

TEST(ScheduledLr, ComesCloseToTheSmallestRateAtAPeriodsEnd) {
  // (1 - cos(π/T))/2 of the way, T = 10 and 640.
  EXPECT_NEAR(scheduled_lr(cosine(), 9), 0.001 + 0.049 * 0.024471742, 1e-10);
  EXPECT_NEAR(scheduled_lr(cosine(), 1269), 0.001 + 0.049 * 6.0239e-6, 1e-10);
}

TEST(ScheduledLr, PeriodsMayStayAsLong) {
  StepOptions options = cosine();
  options.lr_restart_rounds = 3;
  options.lr_restart_factor = 1;
  for (int round = 0; round < 30; ++round) {
    EXPECT_EQ(scheduled_lr(options, round), scheduled_lr(options, round % 3)) << round;
  }
  EXPECT_EQ(scheduled_lr(options, 27), 0.05);
  options.lr_restart_rounds = 1;
  for (int round = 0; round < 5; ++round) EXPECT_EQ(scheduled_lr(options, round), 0.05);
}

TEST(ScheduledLr, DecaysToItsFloor) {
  StepOptions options;
  options.lr = 20.0;
  options.lr_decay = 0.5;
  options.lr_decay_start = 2;
  options.lr_min = 4.0;
  const std::vector<double> expected = {20.0, 20.0, 10.0, 5.0, 4.0, 4.0};
  for (std::size_t round = 0; round < expected.size(); ++round) {
    EXPECT_EQ(scheduled_lr(options, static_cast<std::int64_t>(round)), expected[round]) << round;
  }
  options.lr_decay = 1.0;
  EXPECT_EQ(scheduled_lr(options, 1000), 20.0);
}

/// Two weights, "a" = 8, 0 and "b" = 1.
struct TwoWeights {
  TwoWeights() {
    a.data_ptr<float>()[0] = 8.0F;
    b.data_ptr<float>()[0] = 1.0F;
  }
  static StepOptions options(double momentum) {
    StepOptions options;
    options.momentum = momentum;
    return options;
  }
  float value_of_a() const { return a.data_ptr<float>()[0]; }
  float value_of_b() const { return b.data_ptr<float>()[0]; }

  at::Tensor a = at::zeros({2});
  at::Tensor b = at::zeros({1});
  std::vector<nn::Weight> all = {{"a", a, true}, {"b", b, true}};
};

float velocity(const Optimizer& optimizer, std::size_t weight) {
  return std::get<std::span<float>>(optimizer.state().at(weight).values)[0];
}

TEST(Optimizer, MovesByNesterovMomentum) {
  TwoWeights weights;
  Optimizer optimizer(weights.all, TwoWeights::options(0.5));
  constexpr double kLr = 0.5;
  const auto move = [&](int weight, float slope, double scale) {
    const std::vector<float> gradient = {slope, 0.0F};
    optimizer.move(weight, std::span(gradient).first(weight == 0 ? 2 : 1), scale, kLr);
  };
  // v = 4; w = 8 - 0.5 (4 + 0.5 · 4)
  move(0, 4.0F, 1.0);
  EXPECT_EQ(weights.value_of_a(), 5.0F);
  EXPECT_EQ(velocity(optimizer, 0), 4.0F);
  EXPECT_EQ(weights.value_of_b(), 1.0F);
  EXPECT_EQ(velocity(optimizer, 1), 0.0F);
  // v = 2; w = 1 - 0.5 (2 + 0.5 · 2)
  move(1, 2.0F, 1.0);
  EXPECT_EQ(weights.value_of_b(), -0.5F);
  EXPECT_EQ(velocity(optimizer, 1), 2.0F);
  // The second step is without b. v = 0.5 · 4 + 2; w = 5 - 0.5 (2 + 0.5 · 4)
  move(0, 2.0F, 1.0);
  EXPECT_EQ(weights.value_of_a(), 3.0F);
  EXPECT_EQ(velocity(optimizer, 0), 4.0F);
  EXPECT_EQ(weights.value_of_b(), -0.5F);
  EXPECT_EQ(velocity(optimizer, 1), 2.0F);
  // Averaging and clipping come before momentum. v = 0.5 · 4 - 4; w = 3 - 0.5 (-4 - 0.5 · 2)
  move(0, -8.0F, 0.5);
  EXPECT_EQ(weights.value_of_a(), 5.5F);
  EXPECT_EQ(velocity(optimizer, 0), -2.0F);
  // b goes on from where it was. v = 0.5 · 2 + 2; w = -0.5 - 0.5 (2 + 0.5 · 3)
  move(1, 4.0F, 0.5);
  EXPECT_EQ(weights.value_of_b(), -2.25F);
  EXPECT_EQ(velocity(optimizer, 1), 3.0F);
  EXPECT_EQ(weights.a.data_ptr<float>()[1], 0.0F);
}

TEST(Optimizer, WithoutMomentumKeepsNothing) {
  TwoWeights weights;
  Optimizer optimizer(weights.all, TwoWeights::options(0.0));
  const std::vector<float> gradient = {4.0F, 2.0F};
  optimizer.move(0, gradient, 0.25, 0.5);
  EXPECT_EQ(weights.value_of_a(), 7.5F);
  EXPECT_EQ(weights.a.data_ptr<float>()[1], -0.25F);
  optimizer.move(0, gradient, 0.25, 0.5);
  EXPECT_EQ(weights.value_of_a(), 7.0F);
  EXPECT_TRUE(optimizer.state().empty());
  const auto arrays = optimizer.arrays_of_weight(1);
  ASSERT_EQ(arrays.size(), 1U);
  EXPECT_EQ(arrays[0].name, "b");
}

TEST(Optimizer, NamesVelocitiesAsTheirWeights) {
  TwoWeights weights;
  const Optimizer optimizer(weights.all, TwoWeights::options(0.9));
  const auto state = optimizer.state();
  ASSERT_EQ(state.size(), 2U);
  EXPECT_EQ(state[0].name, "a");
  EXPECT_EQ(state[0].shape, std::vector<std::int64_t>{2});
  EXPECT_EQ(state[1].name, "b");
  const auto arrays = optimizer.arrays_of_weight(0);
  ASSERT_EQ(arrays.size(), 2U);
  EXPECT_EQ(arrays[0].name, "a");
  EXPECT_EQ(arrays[0].bytes().data(), reinterpret_cast<std::byte*>(weights.a.data_ptr<float>()));
  EXPECT_EQ(arrays[1].name, "momentum of a");
  // In place: a loaded or broadcast velocity is the one that moves on.
  std::get<std::span<float>>(state[0].values)[1] = 3.0F;
  EXPECT_EQ(std::get<std::span<float>>(arrays[1].values)[1], 3.0F);
}

}  // namespace
}  // namespace enas::train
