// SPDX-License-Identifier: Apache-2.0
// A weight step on any number of ranks does what one process would do, to the bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "data/token_columns.hpp"
#include "mpi/search/distributed_steps.hpp"
#include "run/replicas.hpp"
#include "train/step.hpp"

namespace enas::search {
namespace {

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

struct Case {
  space::SpaceKind kind;
  int slots;
};

void PrintTo(const Case& now, std::ostream* out) {
  *out << name_of(now.kind) << " " << now.slots << " slots";
}

class WeightStepOnRanks : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Slots, WeightStepOnRanks,
    testing::Values(Case{space::SpaceKind::recurrent, 4}, Case{space::SpaceKind::recurrent, 5},
                    Case{space::SpaceKind::recurrent, 7}, Case{space::SpaceKind::macro, 5},
                    Case{space::SpaceKind::macro, 4}, Case{space::SpaceKind::micro, 4}));

TEST_P(WeightStepOnRanks, EqualsOneProcess) {
  const auto [kind, slots] = GetParam();
  const search::Settings settings = search::small_settings_of(kind, slots);
  const bool text = kind == space::SpaceKind::recurrent;
  Distributed run(settings);
  Follower follower(settings);
  const auto initial = weights_digest(*run.parts.supernet);
  for (int step = 0; step < 5; ++step) {
    const auto report = run.step();
    const double norm = follower.follow(run, settings.weights.lr);
    follower.expect_equal(run);
    EXPECT_NEAR(report.gradient_norm, norm, 1e-12);
    EXPECT_GT(norm, settings.weights.clip_norm);
    EXPECT_EQ(report.num_finite, slots);
    EXPECT_EQ(report.slots.size(), static_cast<std::size_t>(slots));
    double sum = 0.0;
    std::int64_t correct = 0;
    for (int slot = 0; slot < slots; ++slot) {
      const auto& record = report.slots.at(static_cast<std::size_t>(slot));
      EXPECT_EQ(record.item, slot);
      EXPECT_EQ(record.loss, follower.steps.losses[static_cast<std::size_t>(slot)]);
      EXPECT_EQ(record.correct, follower.steps.correct[static_cast<std::size_t>(slot)]);
      EXPECT_EQ(record.count, text ? 15 : 4);
      EXPECT_EQ(record.finite, 1);
      EXPECT_EQ(run.children[static_cast<std::size_t>(slot)],
                run.state.children.child(run.parts.space.id(), slot, step));
      sum += record.loss;
      correct += record.correct;
    }
    EXPECT_NEAR(report.loss, sum / slots, 1e-12);
    const double metric =
        text ? std::exp(sum / slots) : static_cast<double>(correct) / (4.0 * slots);
    EXPECT_NEAR(run.parts.task->metric().of(report.loss, report.accuracy), metric,
                1e-12 * std::max(1.0, metric));
    EXPECT_GT(report.examples_per_s, 0.0);
  }
  EXPECT_NE(weights_digest(*run.parts.supernet), initial);
}

TEST(WeightStep, SharedChildrenEqualOneProcess) {
  search::Settings settings = search::small_settings();
  settings.weights.children = search::Children::shared;
  Distributed run(settings);
  run.state.children.shape[0] = 1;
  run.state.children.tokens.resize(run.state.children.tokens.size() / 4);
  Follower follower(settings);
  for (int step = 0; step < 3; ++step) {
    const auto report = run.step();
    follower.follow(run, settings.weights.lr);
    follower.expect_equal(run);
    EXPECT_EQ(report.touched, run.parts.supernet->touched(run.children[3]));
  }
}

class WeightStepOfKind : public testing::TestWithParam<space::SpaceKind> {};
INSTANTIATE_TEST_SUITE_P(Spaces, WeightStepOfKind, testing::ValuesIn(search::kAllKinds));

TEST_P(WeightStepOfKind, MovesTheUnionAndNothingElse) {
  search::Settings settings = search::small_settings_of(GetParam());
  settings.weights.momentum = 0.9;
  Distributed run(settings);
  const auto& weights = run.parts.supernet->weights();
  for (int step = 0; step < 3; ++step) {
    const auto before = all_weights(*run.parts.supernet);
    const auto velocities_before = all_velocities(run.weight_step.momentum());
    const auto report = run.step();
    const auto after = all_weights(*run.parts.supernet);
    const auto velocities_after = all_velocities(run.weight_step.momentum());
    std::set<int> expected;
    for (const auto& child : run.children) {
      for (const int weight : run.parts.supernet->touched(child)) expected.insert(weight);
    }
    EXPECT_EQ(std::set<int>(report.touched.begin(), report.touched.end()), expected);
    EXPECT_EQ(report.touched.size(), expected.size());
    EXPECT_LT(expected.size(), before.size());
    EXPECT_EQ(velocities_before.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool moves = expected.contains(static_cast<int>(i));
      EXPECT_EQ(same_bits(before[i], after[i]), !moves) << weights[i].name;
      EXPECT_EQ(same_bits(velocities_before[i], velocities_after[i]), !moves) << weights[i].name;
    }
  }
}

TEST(WeightStep, LeavesOutASlotThatIsNotFinite) {
  search::Settings settings = search::small_settings(5);
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
      if (good) sum += report.slots[static_cast<std::size_t>(slot)].loss;
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
  const search::Settings settings = search::small_settings();
  Distributed run(settings, "0:1:nan_forever");
  run.step();
  const auto before = weights_digest(*run.parts.supernet);
  const auto report = run.step();
  EXPECT_EQ(report.num_finite, 0);
  EXPECT_TRUE(std::isnan(report.loss));
  EXPECT_EQ(weights_digest(*run.parts.supernet), before);
  for (const auto& state : run.state.slot_state) EXPECT_TRUE(is_zero(state));

  // The reducer was not asked for a sum; the next step must not see anything of this one.
  run::FaultInjector none("", 0);
  train::Step healthy(test_world(), run.reducer, run.shared_weights, *run.parts.task,
                      run.parts.settings.weights, none);
  Follower follower(settings);
  follower.steps.step(run.state.children, {0, 0, 0}, settings.weights.lr);
  for (auto& state : follower.steps.states) state = run.parts.supernet->initial_state(3);
  healthy.run({0, 2, 2}, 1.0, run.state.slot_state, 0);
  follower.steps.step(run.state.children, {0, 2, 2}, settings.weights.lr);
  follower.expect_equal(run);
}

TEST(WeightStep, NoFiniteSlotMovesNoMomentum) {
  search::Settings settings = search::small_image_settings(space::SpaceKind::macro);
  Distributed run(settings, "0:1:nan_forever");
  run.step();
  const auto weights = weights_digest(*run.parts.supernet);
  const auto velocities = run::digest_of(run.weight_step.momentum());
  EXPECT_EQ(run.step().num_finite, 0);
  EXPECT_EQ(weights_digest(*run.parts.supernet), weights);
  EXPECT_EQ(run::digest_of(run.weight_step.momentum()), velocities);
}

TEST(WeightStep, ANonFiniteWeightIsFoundByItsLoss) {
  Distributed run(search::small_settings());
  run.parts.weight(0).value.fill_(std::numeric_limits<double>::quiet_NaN());
  const auto report = run.step();
  EXPECT_EQ(report.num_finite, 0);
}

TEST(WeightStep, ClipsTheMeanGradientOfTheUnion) {
  search::Settings settings = search::small_settings();
  settings.weights.lr = 1.0;
  settings.weights.clip_norm = 0.0;
  for (const double share : {0.0, 2.0, 0.5, 0.01}) {
    Distributed unclipped(settings);
    const double norm = unclipped.step().gradient_norm;
    search::Settings clipped = settings;
    clipped.weights.clip_norm = share * norm;
    Distributed run(clipped);
    const auto before = all_weights(*run.parts.supernet);
    const auto report = run.step();
    const double moved = std::sqrt(squared_distance(all_weights(*run.parts.supernet), before));
    EXPECT_EQ(report.gradient_norm, norm);
    const double expected = share == 0.5 || share == 0.01 ? share * norm : norm;
    EXPECT_NEAR(moved, expected, 1e-6 * std::max(1.0, expected));
  }
}

TEST_P(WeightStepOfKind, DecaysTouchedWeightsOnceASlot) {
  search::Settings settings = search::small_settings_of(GetParam());
  settings.weights.lr = 0.5;
  settings.weights.lr_schedule = train::LrSchedule::decay;
  settings.weights.momentum = 0.0;
  settings.weights.clip_norm = 0.0;
  settings.weights.weight_decay = 0.0;
  Distributed plain(settings);
  settings.weights.weight_decay = 0.1;
  Distributed decayed(settings);
  const auto& weights = plain.parts.supernet->weights();
  const auto before = all_weights(*plain.parts.supernet);
  plain.step();
  decayed.step();
  const auto without = all_weights(*plain.parts.supernet);
  const auto with = all_weights(*decayed.parts.supernet);
  int undecayed = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    int users = 0;
    for (const auto& child : plain.children) {
      for (const int weight : plain.parts.supernet->touched(child)) {
        users += weight == static_cast<int>(i);
      }
    }
    EXPECT_EQ(same_bits(with[i], before[i]), users == 0) << weights[i].name;
    if (!weights[i].decays) {
      EXPECT_TRUE(same_bits(with[i], without[i])) << weights[i].name;
      undecayed += users > 0;
    }
    for (std::size_t j = 0; weights[i].decays && j < before[i].size(); ++j) {
      const double expected = -0.5 * 0.1 * before[i][j] * users / 4.0;
      EXPECT_NEAR(static_cast<double>(with[i][j]) - without[i][j], expected, 1e-6)
          << weights[i].name;
    }
  }
  // Norms of convolutional networks do not decay; all weights of a language model do.
  EXPECT_EQ(undecayed > 0, GetParam() != space::SpaceKind::recurrent);
}

TEST(WeightStep, NormsDecayWhereTheyAreToldTo) {
  search::Settings settings = search::small_image_settings(space::SpaceKind::macro);
  settings.weights.weight_decay = 0.1;
  Distributed plain(settings);
  settings.weights.decay_norms = true;
  Distributed decayed(settings);
  Follower follower(settings);
  plain.step();
  decayed.step();
  follower.follow(decayed, settings.weights.lr);
  follower.expect_equal(decayed);
  const auto norm = static_cast<std::size_t>(plain.parts.number_of("stem/norm"));
  EXPECT_FALSE(plain.parts.supernet->weights()[norm].decays);
  EXPECT_FALSE(same_bits(all_weights(*plain.parts.supernet)[norm],
                         all_weights(*decayed.parts.supernet)[norm]));
}

TEST(WeightStep, LearningRateFollowsRoundFactorAndLength) {
  struct Step {
    std::int64_t round;
    double factor;
    double expected;
  };
  search::Settings settings = search::small_settings();
  settings.data.markov.train_tokens = 12 * 100;
  settings.weights.segments = {.segment_length = 20, .random_length = true};
  settings.weights.lr = 20.0;
  settings.weights.lr_decay = 0.5;
  settings.weights.lr_decay_start = 2;
  settings.weights.lr_min = 4.0;
  settings.weights.lr_scales_with_length = true;
  Distributed run(settings);
  std::set<std::int64_t> lengths;
  for (const Step& now :
       {Step{0, 1.0, 20.0}, Step{1, 1.0, 20.0}, Step{2, 1.0, 10.0}, Step{3, 1.0, 5.0},
        Step{4, 1.0, 4.0}, Step{9, 1.0, 4.0}, Step{2, 0.25, 2.5}, Step{9, 0.5, 2.0}}) {
    run.state.progress.round = now.round;
    run.state.progress.lr_factor = now.factor;
    const auto segments = data::segments_of_pass(settings.weights.segments, 100, settings.run.seed,
                                                 static_cast<std::uint64_t>(now.round));
    for (std::int64_t index = 0; index < 3; ++index) {
      const auto length = segments.at(static_cast<std::size_t>(index)).length;
      lengths.insert(length);
      run.state.progress.index = index;
      const auto report = run.run();
      EXPECT_NEAR(report.lr, now.expected * static_cast<double>(length) / 20.0, 1e-12)
          << now.round << " " << length;
      EXPECT_EQ(report.slots.front().count, 3 * length);
    }
  }
  EXPECT_GT(lengths.size(), 3U);
  settings.weights.lr_scales_with_length = false;
  EXPECT_EQ(Distributed(settings).run().lr, 20.0);
}

TEST(WeightStep, LearningRateRestarts) {
  const search::Settings settings = search::small_image_settings(space::SpaceKind::macro);
  Distributed run(settings);
  for (const std::int64_t round : {0, 1, 2, 3, 5, 9}) {  // T0 is 10
    run.state.progress.round = round;
    const auto report = run.run();
    EXPECT_EQ(report.lr, train::scheduled_lr(settings.weights, round));
  }
  run.state.progress.round = 10;
  run.state.progress.lr_factor = 0.5;
  EXPECT_EQ(run.run().lr, 0.025);
}

TEST(WeightStep, PassesFlagsOfAllRanks) {
  Distributed run(search::small_settings());
  const bool last = test_world().rank() == test_world().size() - 1;
  const auto report = run.weight_step.run({}, 1.0, run.state.slot_state,
                                          last ? std::int64_t{run::kFlagCheckpoint} : 0);
  EXPECT_EQ(report.flags, run::kFlagCheckpoint);
}

TEST(WeightStep, DifferentChildrenOnOneRankAreFoundBeforeTheSum) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  Distributed run(search::small_settings());
  const auto before = weights_digest(*run.parts.supernet);
  if (test_world().rank() == test_world().size() - 1) {
    auto& token = run.state.children.tokens[0];
    token = (token + 1) % 4;
  }
  EXPECT_THROW(run.step(), run::ReplicasDiffer);
  EXPECT_EQ(weights_digest(*run.parts.supernet), before);
}

}  // namespace
}  // namespace enas::search
