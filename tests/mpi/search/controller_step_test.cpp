// SPDX-License-Identifier: Apache-2.0
// Controller steps and validation on any number of ranks do what one process would do, to the bit.
#include "search/controller_step.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpi/search/small_search.hpp"
#include "search/replica_guard.hpp"
#include "search/validation.hpp"

namespace enas::search {
namespace {

/// Rollouts and rewards of one step by one process, which also learns from them.
struct SequentialControllerStep {
  SequentialControllerStep(SmallSearch& parts, std::int64_t step) {
    const auto& options = parts.settings.rollout;
    for (int i = 0; i < options.rollouts; ++i) {
      const auto index = static_cast<std::uint64_t>(i);
      const auto at_step = static_cast<std::uint64_t>(step);
      const auto child = parts.strategy.propose(1, {Purpose::rollout, index, at_step}).front();
      RandomStream random(parts.settings.run.seed, {Purpose::reward_batch, index, at_step});
      // The last position leaves room for the targets.
      const auto last = parts.columns.reward.column_length() - options.segment_length - 1;
      const auto position = random.next_below(static_cast<std::uint64_t>(last + 1));
      positions.push_back(static_cast<std::int64_t>(position));
      const auto tokens = parts.columns.reward.batch(0, options.batch_size, positions.back(),
                                                     options.segment_length);
      auto state = parts.supernet.initial_state(options.batch_size);
      const auto score = parts.supernet.score(child, {tokens.input, tokens.target}, state);
      rollouts.push_back({child, score.mean(), space::RolloutStatus::ok});
      rewards.push_back(std::min(
          options.reward_cap,
          options.reward_scale / std::pow(std::exp(score.mean()), options.reward_exponent)));
    }
    learned = parts.strategy.learn_on_root(rollouts, rewards);
  }

  std::vector<space::Rollout> rollouts;
  std::vector<double> rewards;
  std::vector<std::int64_t> positions;
  LearnReport learned;
};

void expect_equal(const std::vector<space::Rollout>& a, const std::vector<space::Rollout>& b) {
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    EXPECT_EQ(a[i].architecture, b[i].architecture);
    EXPECT_TRUE(same_bits(a[i].metric, b[i].metric)) << a[i].metric << " " << b[i].metric;
    EXPECT_EQ(a[i].status, b[i].status);
  }
}

struct Distributed {
  explicit Distributed(const Settings& settings)
      : parts(settings),
        faults("", test_world().rank()),
        step(test_world(), parts.supernet, parts.strategy, parts.columns.reward, parts.settings,
             faults) {}
  ControllerStepReport run(std::int64_t at_step) {
    Progress progress;
    progress.step = at_step;
    return step.run(progress, 0);
  }
  io::Digest theta() { return digest_of(parts.strategy.state()); }

  SmallSearch parts;
  FaultInjector faults;
  ControllerStep step;
};

class ControllerStepOnRanks : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Rollouts, ControllerStepOnRanks, testing::Values(1, 2, 5, 8));

TEST_P(ControllerStepOnRanks, EqualsOneProcess) {
  Settings settings = small_settings();
  settings.rollout.rollouts = GetParam();
  Distributed run(settings);
  SmallSearch alone(settings);
  const auto initial = run.theta();
  std::set<std::int64_t> positions;
  for (const std::int64_t step : {40, 41, 42}) {
    const auto report = run.run(step);
    const SequentialControllerStep expected(alone, step);
    expect_equal(report.rollouts, expected.rollouts);
    EXPECT_EQ(report.rewards, expected.rewards);
    EXPECT_EQ(run.theta(), digest_of(alone.strategy.state()));
    double sum = 0.0;
    for (const double reward : expected.rewards) sum += reward;
    EXPECT_NEAR(report.mean_reward, sum / GetParam(), 1e-12);
    if (test_world().is_root()) {
      EXPECT_EQ(report.learned.reward, expected.learned.reward);
      EXPECT_EQ(report.learned.advantage, expected.learned.advantage);
      EXPECT_EQ(report.learned.baseline, expected.learned.baseline);
    }
    positions.insert(expected.positions.begin(), expected.positions.end());
  }
  EXPECT_GT(positions.size(), 1U);
  EXPECT_NE(run.theta(), initial);
}

TEST(ControllerStep, CutsRewardsAndNeverMetrics) {
  Settings settings = small_settings();
  settings.rollout.reward_cap = 0.001;
  settings.rollout.reward_exponent = 2.0;
  Distributed run(settings);
  const auto report = run.run(40);
  EXPECT_EQ(report.rewards, std::vector<double>(5, 0.001));
  settings.rollout.reward_cap = 1e9;
  Distributed uncut(settings);
  const auto free = uncut.run(40);
  expect_equal(report.rollouts, free.rollouts);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(free.rewards[i], 80.0 * std::exp(-2.0 * free.rollouts[i].metric), 1e-9);
  }
}

TEST(ControllerStep, LearnsNothingFromRolloutsThatFailed) {
  Distributed run(small_settings());
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
  FaultInjector none("", test_world().rank());
  ControllerStep step(test_world(), parts.supernet, uniform, parts.columns.reward, settings, none);
  const auto report = step.run({}, kFlagStop);
  EXPECT_EQ(report.rollouts.size(), 5U);
  EXPECT_EQ(report.flags, kFlagStop);
  for (std::uint64_t i = 0; i < report.rollouts.size(); ++i) {
    EXPECT_EQ(report.rollouts[i].architecture,
              uniform.propose(1, {Purpose::rollout, i, 0}).front());
  }
}

TEST(ControllerStep, FindsAThetaThatDiffersBeforeItIsUsed) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  Distributed run(small_settings());
  const auto before = run.theta();
  if (test_world().rank() == test_world().size() - 1) flip_bit(run.parts.strategy.state().front());
  EXPECT_THROW(run.run(40), ReplicasDiffer);
  EXPECT_EQ(run.theta() == before, test_world().rank() != test_world().size() - 1);
}

TEST(BroadcastState, GivesAllRanksTheStateOfRankZero) {
  SmallSearch parts(small_settings(), 1);
  SmallSearch other(small_settings(), 2);
  const auto expected = digest_of(parts.strategy.state());
  EXPECT_NE(digest_of(other.strategy.state()), expected);
  Strategy& mine = test_world().is_root() ? parts.strategy : other.strategy;
  broadcast_state(test_world(), mine);
  EXPECT_EQ(digest_of(mine.state()), expected);
}

/// Children of a round's end scored by one process.
std::vector<space::Rollout> validated_alone(SmallSearch& parts, int num_segments,
                                            std::int64_t step) {
  const auto& columns = parts.columns.validation;
  const std::int64_t length = parts.settings.weights.segments.segment_length;
  std::vector<space::Rollout> rollouts;
  for (int i = 0; i < parts.settings.validation.children; ++i) {
    const auto child = parts.strategy
                           .propose(1, {Purpose::validation_children, static_cast<std::uint64_t>(i),
                                        static_cast<std::uint64_t>(step)})
                           .front();
    auto state = parts.supernet.initial_state(columns.num_columns());
    double total = 0.0;
    std::int64_t count = 0;
    for (int segment = 0; segment < num_segments; ++segment) {
      const auto tokens = columns.batch(0, columns.num_columns(), length * segment, length);
      const auto score = parts.supernet.score(child, {tokens.input, tokens.target}, state);
      total += score.total;
      count += score.count;
    }
    EXPECT_EQ(count, num_segments * length * columns.num_columns());
    rollouts.push_back({child, total / static_cast<double>(count), space::RolloutStatus::ok});
  }
  return rollouts;
}

TEST(Validation, EqualsOneProcess) {
  for (const auto& [segments, expected_segments] :
       std::vector<std::pair<int, int>>{{3, 3}, {0, 9}, {100, 9}}) {
    Settings settings = small_settings();
    settings.validation.segments = segments;  // 9 fit: 50 tokens a column, 5 a segment
    SmallSearch parts(settings);
    const auto report = validate(test_world(), parts.supernet, parts.strategy, parts.space,
                                 parts.columns.validation, settings, 77);
    const auto expected = validated_alone(parts, expected_segments, 77);
    expect_equal(report.children, expected);
    double sum = 0.0;
    double best = std::numeric_limits<double>::infinity();
    std::vector<space::Architecture> children;
    for (const auto& child : expected) {
      sum += std::exp(child.metric);
      best = std::min(best, std::exp(child.metric));
      children.push_back(child.architecture);
    }
    EXPECT_NEAR(report.mean_perplexity, sum / 5.0, 1e-12 * sum);
    EXPECT_EQ(report.best_perplexity, best);
    EXPECT_EQ(std::exp(expected.at(static_cast<std::size_t>(report.best)).metric), best);
    EXPECT_EQ(report.decision_entropy, parts.strategy.decision_entropy(children));
    double entropy = 0.0;
    for (const double value : report.decision_entropy) entropy += value;
    EXPECT_NEAR(report.entropy, entropy, 1e-12);
  }
}

TEST(Validation, CountsOptions) {
  Settings settings = small_settings();
  SmallSearch parts(settings);
  const auto report = validate(test_world(), parts.supernet, parts.strategy, parts.space,
                               parts.columns.validation, settings, 77);
  std::vector<double> share(4, 0.0);
  for (const auto& child : report.children) {
    for (const std::size_t token : {0U, 2U, 4U}) {  // f0, previous 1, f1, previous 2, f2
      share[static_cast<std::size_t>(child.architecture.tokens[token])] += 1.0 / 15.0;
    }
  }
  EXPECT_EQ(report.option_histogram.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(report.option_histogram[i], share[i], 1e-12);
}

TEST(Validation, HasNoBestWithoutAFiniteChild) {
  Settings settings = small_settings();
  SmallSearch parts(settings);
  parts.weight(0).value.fill_(std::numeric_limits<double>::quiet_NaN());
  const auto report = validate(test_world(), parts.supernet, parts.strategy, parts.space,
                               parts.columns.validation, settings, 77);
  EXPECT_EQ(report.best, -1);
  EXPECT_TRUE(std::isnan(report.mean_perplexity));
  for (const auto& child : report.children) {
    EXPECT_EQ(child.status, space::RolloutStatus::not_finite);
  }
}

}  // namespace
}  // namespace enas::search
