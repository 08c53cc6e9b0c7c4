// SPDX-License-Identifier: Apache-2.0
// Controller steps and validation on any number of ranks do what one process would do, to the bit.
#include "search/controller_step.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/search/sequential_steps.hpp"
#include "run/replicas.hpp"
#include "search/validation.hpp"

namespace enas::search {
namespace {

struct ControllerOnRanks {
  explicit ControllerOnRanks(const Settings& settings)
      : parts(settings), step(test_world(), parts.evaluator, parts.strategy, parts.settings) {}
  ControllerStepReport run(std::int64_t at_step) {
    Progress progress;
    progress.step = at_step;
    return step.run(progress, 0);
  }
  io::Digest theta() { return run::digest_of(parts.strategy.state()); }

  SmallSearch parts;
  ControllerStep step;
};

struct Case {
  space::SpaceKind kind;
  int rollouts;
};

void PrintTo(const Case& now, std::ostream* out) {
  *out << name_of(now.kind) << " " << now.rollouts << " rollouts";
}

class ControllerStepOnRanks : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Rollouts, ControllerStepOnRanks,
    testing::Values(Case{space::SpaceKind::recurrent, 1}, Case{space::SpaceKind::recurrent, 2},
                    Case{space::SpaceKind::recurrent, 5}, Case{space::SpaceKind::recurrent, 8},
                    Case{space::SpaceKind::macro, 1}, Case{space::SpaceKind::macro, 5},
                    Case{space::SpaceKind::micro, 5}));

TEST_P(ControllerStepOnRanks, EqualsOneProcess) {
  const auto [kind, rollouts] = GetParam();
  Settings settings = small_settings_of(kind);
  settings.rollout.rollouts = rollouts;
  ControllerOnRanks run(settings);
  SmallSearch alone(settings);
  const auto initial = run.theta();
  std::vector<at::Tensor> targets;
  for (const std::int64_t step : {40, 41, 42}) {
    const auto report = run.run(step);
    const SequentialControllerStep expected(alone, step);
    expect_equal(report.rollouts, expected.rollouts);
    EXPECT_EQ(report.rewards, expected.rewards);
    EXPECT_EQ(run.theta(), run::digest_of(alone.strategy.state()));
    double sum = 0.0;
    for (const double reward : expected.rewards) sum += reward;
    EXPECT_NEAR(report.mean_reward, sum / rollouts, 1e-12);
    if (test_world().is_root()) {
      EXPECT_EQ(report.learned.reward, expected.learned.reward);
      EXPECT_EQ(report.learned.advantage, expected.learned.advantage);
      EXPECT_EQ(report.learned.baseline, expected.learned.baseline);
      EXPECT_EQ(report.learned.skip_penalty, expected.learned.skip_penalty);
      EXPECT_EQ(report.learned.skip_penalty > 0.0, kind == space::SpaceKind::macro);
    }
    targets.insert(targets.end(), expected.targets.begin(), expected.targets.end());
  }
  EXPECT_FALSE(std::all_of(targets.begin(), targets.end(), [&](const at::Tensor& target) {
    return target.equal(targets.front());
  }));
  EXPECT_NE(run.theta(), initial);
}

TEST(ControllerStep, CutsRewardsAndNeverMetrics) {
  Settings settings = small_settings();
  settings.rollout.reward_cap = 0.001;
  settings.rollout.reward_exponent = 2.0;
  ControllerOnRanks run(settings);
  const auto report = run.run(40);
  EXPECT_EQ(report.rewards, std::vector<double>(5, 0.001));
  settings.rollout.reward_cap = 1e9;
  ControllerOnRanks uncut(settings);
  const auto free = uncut.run(40);
  expect_equal(report.rollouts, free.rollouts);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(free.rewards[i], 80.0 * std::exp(-2.0 * free.rollouts[i].loss), 1e-9);
  }
}

TEST(ControllerStep, LearnsNothingFromRolloutsThatFailed) {
  ControllerOnRanks run(small_settings());
  run.parts.weight(0).value.fill_(std::numeric_limits<double>::quiet_NaN());
  const auto before = run.theta();
  const auto report = run.run(40);
  EXPECT_EQ(report.rewards, std::vector<double>(5, 0.0));
  for (const auto& rollout : report.rollouts) {
    EXPECT_EQ(rollout.status, space::RolloutStatus::not_finite);
  }
  EXPECT_EQ(run.theta(), before);
}

TEST(ControllerStep, RandomStrategyScoresAndLearnsNothing) {
  const Settings settings = small_settings();
  SmallSearch parts(settings);
  RandomStrategy uniform(parts.space, settings.run.seed);
  ControllerStep step(test_world(), parts.evaluator, uniform, settings);
  const auto report = step.run({}, run::kFlagStop);
  EXPECT_EQ(report.rollouts.size(), 5U);
  EXPECT_EQ(report.flags, run::kFlagStop);
  for (std::uint64_t i = 0; i < report.rollouts.size(); ++i) {
    EXPECT_EQ(report.rollouts[i].architecture,
              uniform.propose(1, {Purpose::rollout, i, 0}).front());
  }
}

TEST(ControllerStep, FindsAThetaThatDiffersBeforeItIsUsed) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  ControllerOnRanks run(small_settings());
  const auto before = run.theta();
  if (test_world().rank() == test_world().size() - 1) flip_bit(run.parts.strategy.state().front());
  EXPECT_THROW(run.run(40), run::ReplicasDiffer);
  EXPECT_EQ(run.theta() == before, test_world().rank() != test_world().size() - 1);
}

TEST(BroadcastState, GivesAllRanksTheStateOfRankZero) {
  SmallSearch parts(small_settings(), 1);
  SmallSearch other(small_settings(), 2);
  const auto expected = run::digest_of(parts.strategy.state());
  EXPECT_NE(run::digest_of(other.strategy.state()), expected);
  Strategy& mine = test_world().is_root() ? parts.strategy : other.strategy;
  broadcast_state(test_world(), mine);
  EXPECT_EQ(run::digest_of(mine.state()), expected);
}

/// Children of a round's end scored by one process.
std::vector<space::Rollout> validated_alone(SmallSearch& parts, int num_batches,
                                            std::int64_t step) {
  const ValidationData validation(parts.settings);
  std::vector<space::Rollout> rollouts;
  const auto children = parts.strategy.propose(
      addresses_of(Purpose::validation_children, parts.settings.validation.children, step));
  for (const auto& child : children) {
    auto state = parts.supernet->initial_state(parts.settings.validation.batch_size);
    supernet::Score sum;
    std::int64_t examples = 0;
    for (int number = 0; number < num_batches; ++number) {
      const auto batch = validation.at_round_end(number);
      const auto score = parts.supernet->score(child, batch, state);
      sum.nats += score.nats;
      sum.correct += score.correct;
      sum.count += score.count;
      examples += batch.target.numel();
    }
    EXPECT_EQ(sum.count, examples);
    rollouts.push_back(rollout_from(parts.settings, child, sum));
  }
  return rollouts;
}

struct ValidationCase {
  space::SpaceKind kind;
  int batches;
  int expected;
};

void PrintTo(const ValidationCase& now, std::ostream* out) {
  *out << name_of(now.kind) << " " << now.batches << " batches";
}

class ValidationOnRanks : public testing::TestWithParam<ValidationCase> {};
// 9 segments fit: 50 tokens a column, 5 a segment. Of 30 images there are 3 batches of 8.
INSTANTIATE_TEST_SUITE_P(Batches, ValidationOnRanks,
                         testing::Values(ValidationCase{space::SpaceKind::recurrent, 3, 3},
                                         ValidationCase{space::SpaceKind::recurrent, 0, 9},
                                         ValidationCase{space::SpaceKind::recurrent, 100, 9},
                                         ValidationCase{space::SpaceKind::macro, 2, 2},
                                         ValidationCase{space::SpaceKind::macro, 0, 3},
                                         ValidationCase{space::SpaceKind::micro, 100, 3}));

TEST_P(ValidationOnRanks, EqualsOneProcess) {
  const auto [kind, batches, expected_batches] = GetParam();
  Settings settings = small_settings_of(kind);
  settings.validation.batches = batches;
  SmallSearch parts(settings);
  const auto report =
      validate(test_world(), parts.evaluator, parts.strategy, parts.space, settings, 77);
  const auto expected = validated_alone(parts, expected_batches, 77);
  expect_equal(report.children, expected);
  const bool text = kind == space::SpaceKind::recurrent;
  double sum = 0.0;
  double best = expected.front().metric;
  std::vector<space::Architecture> children;
  for (const auto& child : expected) {
    sum += child.metric;
    best = text ? std::min(best, child.metric) : std::max(best, child.metric);
    children.push_back(child.architecture);
  }
  EXPECT_NEAR(report.mean_metric, sum / 5.0, 1e-12 * sum);
  EXPECT_EQ(report.best_metric, best);
  EXPECT_EQ(expected.at(static_cast<std::size_t>(report.best)).metric, best);
  EXPECT_EQ(report.decision_entropy, parts.strategy.decision_entropy(children));
  double entropy = 0.0;
  for (const double value : report.decision_entropy) entropy += value;
  EXPECT_NEAR(report.entropy, entropy, 1e-12);
}

TEST(Validation, CountsOptions) {
  Settings settings = small_settings();
  SmallSearch parts(settings);
  const auto report =
      validate(test_world(), parts.evaluator, parts.strategy, parts.space, settings, 77);
  std::vector<double> share(4, 0.0);
  for (const auto& child : report.children) {
    for (const std::size_t token : {0U, 2U, 4U}) {  // f0, previous 1, f1, previous 2, f2
      share[static_cast<std::size_t>(child.architecture.tokens[token])] += 1.0 / 15.0;
    }
  }
  EXPECT_EQ(report.option_histogram.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(report.option_histogram[i], share[i], 1e-12);
  EXPECT_TRUE(std::isnan(report.skip_rate));  // there is nothing to skip
}

TEST(Validation, CountsSkips) {
  const Settings settings = small_image_settings(space::SpaceKind::macro);
  SmallSearch parts(settings);
  const auto report =
      validate(test_world(), parts.evaluator, parts.strategy, parts.space, settings, 77);
  std::vector<double> share(6, 0.0);
  double ones = 0.0;
  for (const auto& child : report.children) {
    const auto& tokens = child.architecture.tokens;  // operation | operation, bit | operation, bits
    for (const std::size_t token : {0U, 1U, 3U}) {
      share[static_cast<std::size_t>(tokens[token])] += 1.0 / 15.0;
    }
    for (const std::size_t token : {2U, 4U, 5U}) ones += tokens[token];
  }
  EXPECT_EQ(report.option_histogram.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(report.option_histogram[i], share[i], 1e-12);
  EXPECT_NEAR(report.skip_rate, ones / 15.0, 1e-12);
  EXPECT_GT(report.skip_rate, 0.0);
}

TEST(Validation, HasNoBestWithoutAFiniteChild) {
  for (const space::SpaceKind kind : kAllKinds) {
    const Settings settings = small_settings_of(kind);
    SmallSearch parts(settings);
    parts.weight(0).value.fill_(std::numeric_limits<double>::quiet_NaN());
    const auto report =
        validate(test_world(), parts.evaluator, parts.strategy, parts.space, settings, 77);
    EXPECT_EQ(report.best, -1);
    EXPECT_TRUE(std::isnan(report.mean_metric));
    EXPECT_TRUE(std::isnan(report.best_metric));
    for (const auto& child : report.children) {
      EXPECT_EQ(child.status, space::RolloutStatus::not_finite);
    }
  }
}

}  // namespace
}  // namespace enas::search
