// SPDX-License-Identifier: Apache-2.0
// A step of a training on any number of ranks: means over finite slots, one update, averages.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "comm/mpi_reducer.hpp"
#include "mpi/search/small_search.hpp"
#include "train/single_network.hpp"
#include "train/step.hpp"
#include "train/training_state.hpp"

namespace enas::search {
namespace {

constexpr int kSlots = 4;

/// Slot s has gradient (s + 1) · [1, 1, 1], statistic 10 s and loss s; the slot in `broken` is NaN.
class CountingNetwork final : public child::Network {
 public:
  const std::vector<nn::Weight>& weights() const override { return weights_; }
  const std::vector<nn::Weight>& averages() const override { return averages_; }
  double multiply_adds() const override { return 0.0; }
  at::Tensor initial_state(std::int64_t) const override { return at::full({1}, 100.0); }
  nn::Pass train(const nn::Batch&, at::Tensor& state, const nn::StepAddress& address,
                 double progress) const override {
    const auto slot = static_cast<double>(address.slot);
    last_progress = progress;
    state = at::full({1}, 101.0);
    nn::Pass pass;
    pass.loss = slot;
    const bool is_broken = static_cast<int>(address.slot) == broken;
    pass.gradients = {
        at::full({3}, is_broken ? std::numeric_limits<double>::quiet_NaN() : slot + 1.0)};
    pass.statistics = {at::full({2}, 10.0 * slot)};
    return pass;
  }
  nn::Score score(const nn::Batch&, at::Tensor&) const override { return {}; }

  int broken = -1;
  mutable double last_progress = 0.0;

 private:
  std::vector<nn::Weight> weights_ = {{"w", at::full({3}, 2.0), true}};
  std::vector<nn::Weight> averages_ = {{"w/mean", at::full({2}, 5.0), false}};
};

struct TrainingStepTest : testing::Test {
  static search::Settings settings_of() {
    search::Settings settings = search::small_settings(kSlots);
    settings.weights.momentum = 0.0;
    settings.weights.clip_norm = 0.0;
    settings.weights.weight_decay = 0.0;
    settings.weights.lr = 0.5;
    settings.weights.lr_decay = 1.0;
    return settings;
  }
  train::StepReport step() {
    const train::SingleNetwork trainee(network, 1, 10);
    train::Step training(test_world(), reducer, trainee, *parts.task, parts.settings.weights,
                         faults);
    state.slot_state = training.initial_states();
    return training.run({0, 0, state.progress.step}, 1.0, state.slot_state, 0);
  }
  std::vector<float> weight() const { return values_of(network.weights()[0].value); }
  std::vector<float> average() const { return values_of(network.averages()[0].value); }

  SmallSearch parts{settings_of()};
  CountingNetwork network;
  comm::MpiReducer reducer{test_world(), kSlots};
  run::FaultInjector faults{"", test_world().rank()};
  train::TrainingState state;
};

TEST_F(TrainingStepTest, MovesByTheMeanOverSlots) {
  const auto report = step();
  EXPECT_EQ(report.num_finite, kSlots);
  EXPECT_DOUBLE_EQ(report.loss, 1.5);
  EXPECT_NEAR(report.gradient_norm, 2.5 * std::sqrt(3.0), 1e-12);
  EXPECT_EQ(weight(), std::vector<float>(3, 2.0F - 0.5F * 2.5F));
}

TEST_F(TrainingStepTest, MovesRunningAveragesTowardsTheMeanStatistic) {
  step();
  const auto expected = static_cast<float>(5.0 + 0.1 * (15.0 - 5.0));
  EXPECT_EQ(average(), std::vector<float>(2, expected));
}

TEST_F(TrainingStepTest, StatisticsAreNoPartOfTheNormThatIsClipped) {
  parts.settings.weights.clip_norm = std::sqrt(3.0);  // a gradient of ones
  step();
  EXPECT_NEAR(weight()[0], 1.5, 1e-6);
  EXPECT_EQ(average()[0], 6.0F);
}

TEST_F(TrainingStepTest, ASlotThatIsNotFiniteIsLeftOutAndItsStateReset) {
  network.broken = 2;
  const auto report = step();
  EXPECT_EQ(report.num_finite, 3);
  EXPECT_DOUBLE_EQ(report.loss, (0.0 + 1.0 + 3.0) / 3.0);
  EXPECT_NEAR(weight()[0], 2.0 - 0.5 * (1.0 + 2.0 + 4.0) / 3.0, 1e-6);
  EXPECT_NEAR(average()[0], 5.0 + 0.1 * (40.0 / 3.0 - 5.0), 1e-6);
  const auto own = comm::block_of(test_world().rank(), test_world().size(), kSlots);
  for (int slot = own.begin; slot < own.end; ++slot) {
    const auto carried = values_of(state.slot_state[static_cast<std::size_t>(slot - own.begin)]);
    EXPECT_EQ(carried[0], slot == 2 ? 100.0F : 101.0F) << "slot " << slot;
  }
}

TEST_F(TrainingStepTest, TellsTheNetworkHowFarTheTrainingIs) {
  state.progress.step = 4;
  step();
  EXPECT_DOUBLE_EQ(network.last_progress, 0.5);
}

TEST_F(TrainingStepTest, DecaysOnce) {
  parts.settings.weights.weight_decay = 0.25;
  step();
  EXPECT_EQ(weight()[0], 2.0F - 0.5F * (2.5F + 0.25F * 2.0F));
}

}  // namespace
}  // namespace enas::search
