// SPDX-License-Identifier: Apache-2.0
// A weight step on any number of ranks does what one process would do, to the bit.
#include "search/weight_step.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "mpi/search/small_search.hpp"
#include "search/replica_guard.hpp"

namespace enas::search {
namespace {

/// The code under test on all ranks.
struct Distributed {
  explicit Distributed(const Settings& settings, const std::string& fault = "")
      : parts(settings),
        faults(fault, test_world().rank()),
        reducer(test_world(), settings.weights.slots),
        weight_step(test_world(), reducer, parts.supernet, parts.columns.train, parts.settings,
                    faults),
        state(parts.new_state(weight_step.own_slots().size(), 6)),
        segments(data::segments_of_pass(settings.weights.segments,
                                        parts.columns.train.column_length(), 1, 0)) {}

  WeightStepReport step() {
    auto report =
        weight_step.run(state, segments.at(static_cast<std::size_t>(state.progress.index)), 0);
    ++state.progress.step;
    ++state.progress.index;
    return report;
  }

  SmallSearch parts;
  FaultInjector faults;
  comm::MpiReducer reducer;
  WeightStep weight_step;
  SearchState state;
  std::vector<data::Segment> segments;
};

/// One process that follows step by step.
struct Follower {
  explicit Follower(const Settings& settings) : parts(settings), steps(parts) {}

  double follow(const Distributed& run, double lr, const std::set<int>& bad_slots = {}) {
    const auto index = run.state.progress.index - 1;
    return steps.step(run.state.children, index, run.state.progress.step - 1,
                      run.segments.at(static_cast<std::size_t>(index)), lr, bad_slots);
  }
  void expect_equal(const Distributed& run) const {
    EXPECT_EQ(weights_digest(run.parts.supernet), weights_digest(parts.supernet));
    const auto own = run.weight_step.own_slots();
    for (int slot = own.begin; slot < own.end; ++slot) {
      EXPECT_TRUE(
          same_bits(values_of(run.state.slot_state[static_cast<std::size_t>(slot - own.begin)]),
                    values_of(steps.states[static_cast<std::size_t>(slot)])))
          << "slot " << slot;
    }
  }

  SmallSearch parts;
  SequentialSteps steps;
};

double squared_distance(const std::vector<std::vector<float>>& a,
                        const std::vector<std::vector<float>>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      const double difference = static_cast<double>(a[i][j]) - b[i][j];
      sum += difference * difference;
    }
  }
  return sum;
}

bool is_zero(const at::Tensor& tensor) {
  for (const float value : values_of(tensor)) {
    if (value != 0.0F) return false;
  }
  return true;
}

class WeightStepOnRanks : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Slots, WeightStepOnRanks, testing::Values(4, 5, 7));

TEST_P(WeightStepOnRanks, EqualsOneProcess) {
  const Settings settings = small_settings(GetParam());
  Distributed run(settings);
  Follower follower(settings);
  const auto initial = weights_digest(run.parts.supernet);
  for (int step = 0; step < 5; ++step) {
    const auto report = run.step();
    const double norm = follower.follow(run, settings.weights.lr);
    follower.expect_equal(run);
    EXPECT_NEAR(report.gradient_norm, norm, 1e-12);
    EXPECT_GT(norm, settings.weights.clip_norm);
    EXPECT_EQ(report.num_finite, GetParam());
    EXPECT_EQ(report.slots.size(), static_cast<std::size_t>(GetParam()));
    double sum = 0.0;
    for (int slot = 0; slot < GetParam(); ++slot) {
      const auto& record = report.slots.at(static_cast<std::size_t>(slot));
      EXPECT_EQ(record.item, slot);
      EXPECT_EQ(record.value, follower.steps.losses[static_cast<std::size_t>(slot)]);
      EXPECT_EQ(record.count, 15);
      EXPECT_EQ(record.finite, 1);
      EXPECT_EQ(report.children[static_cast<std::size_t>(slot)],
                run.state.children.child(run.parts.space.id(), slot, step));
      sum += record.value;
    }
    EXPECT_NEAR(report.loss, sum / GetParam(), 1e-12);
    EXPECT_GT(report.tokens_per_s, 0.0);
  }
  EXPECT_NE(weights_digest(run.parts.supernet), initial);
}

TEST(WeightStep, SharedChildrenEqualOneProcess) {
  Settings settings = small_settings();
  settings.weights.children = Children::shared;
  Distributed run(settings);
  run.state.children.rows = 1;
  run.state.children.tokens.resize(run.state.children.tokens.size() / 4);
  Follower follower(settings);
  for (int step = 0; step < 3; ++step) {
    const auto report = run.step();
    follower.follow(run, settings.weights.lr);
    follower.expect_equal(run);
    EXPECT_EQ(report.touched, run.parts.supernet.touched(report.children[3]));
  }
}

TEST(WeightStep, MovesTheUnionAndNothingElse) {
  Distributed run(small_settings());
  for (int step = 0; step < 3; ++step) {
    const auto before = all_weights(run.parts.supernet);
    const auto report = run.step();
    const auto after = all_weights(run.parts.supernet);
    std::set<int> expected;
    for (const auto& child : report.children) {
      for (const int weight : run.parts.supernet.touched(child)) expected.insert(weight);
    }
    EXPECT_EQ(std::set<int>(report.touched.begin(), report.touched.end()), expected);
    EXPECT_EQ(report.touched.size(), expected.size());
    EXPECT_LT(expected.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(same_bits(before[i], after[i]), !expected.contains(static_cast<int>(i)))
          << run.parts.supernet.weights()[i].name;
    }
  }
}

TEST(WeightStep, LeavesOutASlotThatIsNotFinite) {
  Settings settings = small_settings(5);
  settings.weights.clip_norm = 0.0;  // clipping would hide what the mean divides by
  const int rank = test_world().size() - 1;
  const int bad = comm::block_of(rank, test_world().size(), 5).begin;
  Distributed run(settings, concat(rank, ":2:nan"));
  Follower follower(settings);
  for (int step = 0; step < 4; ++step) {
    const auto report = run.step();
    const std::set<int> bad_slots = step == 2 ? std::set{bad} : std::set<int>();
    follower.follow(run, settings.weights.lr, bad_slots);
    follower.expect_equal(run);
    EXPECT_EQ(report.num_finite, step == 2 ? 4 : 5);
    double sum = 0.0;
    for (int slot = 0; slot < 5; ++slot) {
      const bool good = !bad_slots.contains(slot);
      EXPECT_EQ(report.slots[static_cast<std::size_t>(slot)].finite, good ? 1 : 0);
      if (good) sum += report.slots[static_cast<std::size_t>(slot)].value;
    }
    EXPECT_NEAR(report.loss, sum / report.num_finite, 1e-12);
    const auto own = run.weight_step.own_slots();
    for (int slot = own.begin; slot < own.end; ++slot) {
      EXPECT_EQ(is_zero(run.state.slot_state[static_cast<std::size_t>(slot - own.begin)]),
                bad_slots.contains(slot))
          << "slot " << slot << " step " << step;
    }
  }
}

TEST(WeightStep, MovesNothingWithoutAFiniteSlot) {
  const Settings settings = small_settings();
  Distributed run(settings, "0:1:nan_forever");
  run.step();
  const auto before = weights_digest(run.parts.supernet);
  const auto report = run.step();
  EXPECT_EQ(report.num_finite, 0);
  EXPECT_TRUE(std::isnan(report.loss));
  EXPECT_EQ(weights_digest(run.parts.supernet), before);
  for (const auto& state : run.state.slot_state) EXPECT_TRUE(is_zero(state));

  // The reducer was not asked for a sum; the next step must not see anything of this one.
  FaultInjector none("", 0);
  WeightStep healthy(test_world(), run.reducer, run.parts.supernet, run.parts.columns.train,
                     run.parts.settings, none);
  Follower follower(settings);
  follower.steps.step(run.state.children, 0, 0, run.segments[0], settings.weights.lr);
  for (auto& state : follower.steps.states) state = run.parts.supernet.initial_state(3);
  healthy.run(run.state, run.segments[2], 0);
  follower.steps.step(run.state.children, 2, 2, run.segments[2], settings.weights.lr);
  follower.expect_equal(run);
}

TEST(WeightStep, ANonFiniteWeightIsFoundByItsLoss) {
  Distributed run(small_settings());
  run.parts.weight(0).value.fill_(std::numeric_limits<double>::quiet_NaN());
  const auto report = run.step();
  EXPECT_EQ(report.num_finite, 0);
}

TEST(WeightStep, ClipsTheMeanGradientOfTheUnion) {
  Settings settings = small_settings();
  settings.weights.lr = 1.0;
  settings.weights.clip_norm = 0.0;
  for (const double share : {0.0, 2.0, 0.5, 0.01}) {
    Distributed unclipped(settings);
    const double norm = unclipped.step().gradient_norm;
    Settings clipped = settings;
    clipped.weights.clip_norm = share * norm;
    Distributed run(clipped);
    const auto before = all_weights(run.parts.supernet);
    const auto report = run.step();
    const double moved = std::sqrt(squared_distance(all_weights(run.parts.supernet), before));
    EXPECT_EQ(report.gradient_norm, norm);
    const double expected = share == 0.5 || share == 0.01 ? share * norm : norm;
    EXPECT_NEAR(moved, expected, 1e-6 * std::max(1.0, expected));
  }
}

TEST(WeightStep, DecaysTouchedWeightsOnceASlot) {
  Settings settings = small_settings();
  settings.weights.lr = 0.5;
  settings.weights.clip_norm = 0.0;
  settings.weights.weight_decay = 0.0;
  Distributed plain(settings);
  settings.weights.weight_decay = 0.1;
  Distributed decayed(settings);
  const auto before = all_weights(plain.parts.supernet);
  const auto report = plain.step();
  decayed.step();
  const auto without = all_weights(plain.parts.supernet);
  const auto with = all_weights(decayed.parts.supernet);
  for (std::size_t i = 0; i < before.size(); ++i) {
    int users = 0;
    for (const auto& child : report.children) {
      for (const int weight : plain.parts.supernet.touched(child)) {
        users += weight == static_cast<int>(i);
      }
    }
    EXPECT_EQ(same_bits(with[i], before[i]), users == 0);
    for (std::size_t j = 0; j < before[i].size(); ++j) {
      const double expected = -0.5 * 0.1 * before[i][j] * users / 4.0;
      EXPECT_NEAR(static_cast<double>(with[i][j]) - without[i][j], expected, 1e-6);
    }
  }
}

TEST(WeightStep, LearningRateFollowsRoundFactorAndLength) {
  struct Case {
    std::int64_t round;
    double factor;
    std::int64_t length;
    double expected;
  };
  Settings settings = small_settings();
  settings.weights.lr = 20.0;
  settings.weights.lr_decay = 0.5;
  settings.weights.lr_decay_start = 2;
  settings.weights.lr_min = 4.0;
  settings.weights.lr_scales_with_length = true;
  Distributed run(settings);
  for (const Case& now :
       {Case{0, 1.0, 5, 20.0}, Case{1, 1.0, 5, 20.0}, Case{2, 1.0, 5, 10.0}, Case{3, 1.0, 5, 5.0},
        Case{4, 1.0, 5, 4.0}, Case{9, 1.0, 5, 4.0}, Case{2, 0.25, 5, 2.5}, Case{9, 0.5, 5, 2.0},
        Case{0, 1.0, 3, 12.0}, Case{0, 1.0, 8, 32.0}}) {
    run.state.progress.round = now.round;
    run.state.progress.lr_factor = now.factor;
    const auto report = run.weight_step.run(run.state, {0, now.length}, 0);
    EXPECT_NEAR(report.lr, now.expected, 1e-12) << now.round << " " << now.length;
  }
  run.parts.settings.weights.lr_scales_with_length = false;
  run.state.progress.round = 0;
  EXPECT_EQ(run.weight_step.run(run.state, {0, 3}, 0).lr, 20.0);
}

TEST(WeightStep, PassesFlagsOfAllRanks) {
  Distributed run(small_settings());
  const bool last = test_world().rank() == test_world().size() - 1;
  const auto report =
      run.weight_step.run(run.state, run.segments[0], last ? std::int64_t{kFlagCheckpoint} : 0);
  EXPECT_EQ(report.flags, kFlagCheckpoint);
}

TEST(WeightStep, DifferentChildrenOnOneRankAreFoundBeforeTheSum) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  Distributed run(small_settings());
  const auto before = weights_digest(run.parts.supernet);
  if (test_world().rank() == test_world().size() - 1) {
    auto& token = run.state.children.tokens[0];
    token = (token + 1) % 4;
  }
  EXPECT_THROW(run.step(), ReplicasDiffer);
  EXPECT_EQ(weights_digest(run.parts.supernet), before);
}

}  // namespace
}  // namespace enas::search
