// SPDX-License-Identifier: Apache-2.0
// What a search is said to need agrees with what its parts have.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>

#include "core/clock.hpp"
#include "search/corpus_source.hpp"
#include "search/search.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
namespace {

Settings small_settings() {
  Settings settings;
  settings.data.source = DataSource::markov;
  settings.data.markov = {.vocabulary = 20,
                          .order = 1,
                          .branching = 3,
                          .train_tokens = 2000,
                          .valid_tokens = 600,
                          .test_tokens = 100,
                          .seed = 1};
  settings.space.nodes = 3;
  settings.supernet.hidden = 8;
  settings.controller.hidden = 10;
  settings.rounds = 3;
  settings.weights.slots = 4;
  settings.weights.batch_size = 5;
  settings.weights.segments.segment_length = 9;
  settings.rollout.steps = 6;
  settings.rollout.batch_size = 4;
  settings.rollout.segment_length = 9;
  settings.validation.batch_size = 4;
  return settings;
}

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0;
}

TEST(Estimate, AgreesWithTheParts) {
  const Settings settings = small_settings();
  const Estimate result = estimate(settings, 2);
  const supernet::RecurrentSupernet supernet(settings.space, settings.supernet, 20, 1);
  std::int64_t parameters = 0;
  for (const auto& weight : supernet.weights()) parameters += weight.value.numel();
  EXPECT_EQ(result.supernet_parameters, parameters);
  EXPECT_EQ(parameters, 20 * 8 + 4 * 16 * 16 + 3 * 4 * 8 * 16);
  const auto space = space::recurrent_space(settings.space);
  EXPECT_EQ(result.controller_parameters,
            controller::Controller(space, settings.controller, 1).num_parameters());
  EXPECT_EQ(result.space_size, "128");  // 4, 1 * 4, 2 * 4
  EXPECT_NEAR(result.max_entropy_nats, std::log(128.0), 1e-12);
  EXPECT_EQ(result.weight_steps_per_round, 11);  // 100 tokens a column, 9 a segment
  EXPECT_EQ(result.controller_steps_per_round, 6);
  EXPECT_EQ(result.total_steps, 3 * 17);
  // Embedding, one first weight, two edges: every child has as many.
  EXPECT_NEAR(result.child_parameters, 160 + 256 + 2 * 128, 1e-6);
  EXPECT_GT(result.union_parameters, result.child_parameters + 256);
  EXPECT_LT(result.union_parameters, static_cast<double>(parameters));
  EXPECT_EQ(result.bytes_reduced_per_step, 4.0 * result.union_parameters);
  EXPECT_TRUE(contains(result.data, "vocabulary 20"));
  EXPECT_GE(result.checkpoint_bytes, 4.0 * static_cast<double>(parameters) +
                                         12.0 * result.controller_parameters + 4 * 4 * 5 * 8);
  EXPECT_GT(result.memory_per_rank_bytes, result.checkpoint_bytes);
}

TEST(Estimate, KnowsTheExpectedUnion) {
  Settings settings = small_settings();
  settings.weights.slots = 64;
  settings.weights.batch_size = 1;
  // Each of the 4 first weights is missing with probability (3/4)^64, of the 8 edges of node 2
  // (7/8)^64.
  EXPECT_NEAR(estimate(settings, 1).union_parameters, 160 + 4 * 256 + 4 * 128 + 8 * 128, 10.0);
  settings.weights.children = Children::shared;
  const Estimate shared = estimate(settings, 1);
  EXPECT_EQ(shared.union_parameters, shared.child_parameters);
}

TEST(Estimate, FollowsTheSettings) {
  Settings settings = small_settings();
  const Estimate reinforce = estimate(settings, 4);
  EXPECT_LE(reinforce.memory_per_rank_bytes, estimate(settings, 1).memory_per_rank_bytes);
  settings.strategy = StrategyKind::random;
  EXPECT_EQ(estimate(settings, 4).controller_parameters, 0);
  settings.supernet.hidden = 16;
  EXPECT_GT(estimate(settings, 4).supernet_parameters, reinforce.supernet_parameters);
  settings.supernet.batch_norm = true;
  settings.space.first_node = space::FirstNode::tanh;
  const supernet::RecurrentSupernet supernet(settings.space, settings.supernet, 20, 1);
  std::int64_t parameters = 0;
  for (const auto& weight : supernet.weights()) parameters += weight.value.numel();
  EXPECT_EQ(estimate(settings, 4).supernet_parameters, parameters);
}

TEST(Estimate, AllocatesNoLargeSupernet) {
  Settings settings = small_settings();
  settings.data.markov.vocabulary = 10000;
  settings.data.markov.train_tokens = 10000;
  settings.data.markov.valid_tokens = 3000;
  settings.data.markov.test_tokens = 3000;
  settings.space.nodes = 12;
  settings.supernet.hidden = 720;
  const double before = peak_bytes();
  const Stopwatch watch;
  const Estimate result = estimate(settings, 4);
  EXPECT_LT(watch.seconds(), 10.0);
  EXPECT_EQ(result.supernet_parameters, 10000LL * 720 + 4LL * 1440 * 1440 + 66LL * 4 * 720 * 1440);
  // 1.2 GB of weights.
  EXPECT_LT(peak_bytes() - before, 200e6);
  EXPECT_GT(result.memory_per_rank_bytes, 1.1e9);
}

TEST(Estimate, RefusesWhatDoesNotFit) {
  Settings settings = small_settings();
  settings.weights.segments.segment_length = 100;
  EXPECT_EQ(thrown_code([&] { estimate(settings, 1); }), ExitCode::bad_data);
}

}  // namespace
}  // namespace enas::search
