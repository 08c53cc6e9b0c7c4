// SPDX-License-Identifier: Apache-2.0
// What a search is said to need agrees with what its parts have.
#include <gtest/gtest.h>

#include <cmath>

#include "controller/controller.hpp"
#include "core/clock.hpp"
#include "core/memory.hpp"
#include "search/search.hpp"
#include "search/strategy/random.hpp"
#include "space/space_options.hpp"
#include "supernet/make.hpp"
#include "support/thrown.hpp"
#include "unit/search/small_settings.hpp"

namespace enas::search {
namespace {

/// 20 columns of 100 tokens, 11 segments of 9.
Settings text_settings() {
  Settings settings = small_settings();
  settings.data.markov.train_tokens = 2000;
  settings.data.markov.valid_tokens = 600;
  settings.rounds = 3;
  settings.weights.batch_size = 5;
  settings.weights.segments.segment_length = 9;
  settings.rollout.steps = 6;
  settings.rollout.segment_length = 9;
  return settings;
}

std::int64_t parameters_of(const Settings& settings) {
  const nn::DataShape data{.vocabulary_size = 20, .channels = 3, .num_classes = 4};
  std::int64_t count = 0;
  const auto supernet = supernet::make_supernet(settings.space, settings.supernet, data, 1);
  for (const auto& weight : supernet->weights()) count += weight.value.numel();
  return count;
}

TEST(Estimate, AgreesWithTheParts) {
  const Settings settings = text_settings();
  const Estimate result = estimate(settings, 2);
  const std::int64_t parameters = parameters_of(settings);
  EXPECT_EQ(result.supernet_parameters, parameters);
  EXPECT_EQ(parameters, 20 * 8 + 4 * 16 * 16 + 3 * 4 * 8 * 16);
  const auto space = space::make_space(settings.space);
  EXPECT_EQ(result.controller_parameters,
            controller::Controller(space, settings.controller, 1).num_parameters());
  EXPECT_EQ(result.space_size, "128");          // 4, 1 * 4, 2 * 4
  EXPECT_EQ(result.paper_space_size, "3.8e2");  // 4^3 · 3!
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
  Settings settings = text_settings();
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
  Settings settings = text_settings();
  const Estimate reinforce = estimate(settings, 4);
  EXPECT_LE(reinforce.memory_per_rank_bytes, estimate(settings, 1).memory_per_rank_bytes);
  settings.strategy = StrategyKind::random;
  EXPECT_EQ(estimate(settings, 4).controller_parameters, 0);
  settings.supernet.recurrent.hidden = 16;
  EXPECT_GT(estimate(settings, 4).supernet_parameters, reinforce.supernet_parameters);
  settings.supernet.recurrent.batch_norm = true;
  settings.space.recurrent.first_node = space::FirstNode::tanh;
  EXPECT_EQ(estimate(settings, 4).supernet_parameters, parameters_of(settings));
}

TEST(Estimate, AllocatesNoLargeSupernet) {
  Settings settings = text_settings();
  settings.data.markov.vocabulary = 10000;
  settings.data.markov.train_tokens = 10000;
  settings.data.markov.valid_tokens = 3000;
  settings.data.markov.test_tokens = 3000;
  settings.space.recurrent.nodes = 12;
  settings.supernet.recurrent.hidden = 720;
  const double before = peak_memory_bytes();
  const Stopwatch watch;
  const Estimate result = estimate(settings, 4);
  EXPECT_LT(watch.seconds(), 10.0);
  EXPECT_EQ(result.supernet_parameters, 10000LL * 720 + 4LL * 1440 * 1440 + 66LL * 4 * 720 * 1440);
  // 1.2 GB of weights.
  EXPECT_LT(peak_memory_bytes() - before, 200e6);
  EXPECT_GT(result.memory_per_rank_bytes, 1.1e9);
}

class EstimateOfImages : public testing::TestWithParam<space::SpaceKind> {};
INSTANTIATE_TEST_SUITE_P(Spaces, EstimateOfImages,
                         testing::Values(space::SpaceKind::macro, space::SpaceKind::micro));

TEST_P(EstimateOfImages, AgreesWithTheParts) {
  Settings settings = small_image_settings(GetParam());
  settings.rounds = 2;
  settings.rollout.steps = 3;
  const Estimate result = estimate(settings, 2);
  const auto space = space::make_space(settings.space);
  EXPECT_EQ(result.supernet_parameters, parameters_of(settings));
  EXPECT_EQ(result.controller_parameters,
            controller::Controller(space, settings.controller, 1).num_parameters());
  EXPECT_EQ(result.space_size, space.size_text());
  EXPECT_EQ(result.paper_space_size, space::paper_space_size(settings.space));
  EXPECT_EQ(result.max_entropy_nats, space.max_entropy());
  EXPECT_EQ(result.weight_steps_per_round, 6);
  EXPECT_EQ(result.total_steps, 2 * 9);
  EXPECT_GT(result.child_parameters, 0.0);
  EXPECT_GT(result.union_parameters, result.child_parameters);
  EXPECT_LT(result.union_parameters, static_cast<double>(result.supernet_parameters));
  EXPECT_EQ(result.bytes_reduced_per_step, 4.0 * result.union_parameters);
  EXPECT_EQ(result.data, "shapes: 99/30/5 images 8×8×3, 4 classes");
  // Weights and their momentum, θ and its two moments, and what HDF5 adds to each array; nothing is
  // carried from batch to batch.
  const auto num_weights = static_cast<double>(
      supernet::weight_shapes(settings.space, settings.supernet, {.channels = 3, .num_classes = 4})
          .size());
  const double values = 8.0 * static_cast<double>(result.supernet_parameters) +
                        12.0 * static_cast<double>(result.controller_parameters);
  EXPECT_GE(result.checkpoint_bytes, values);
  EXPECT_LT(result.checkpoint_bytes, values + 2.0 * num_weights * 4000.0);
  settings.weights.momentum = 0.0;
  const double velocities = result.checkpoint_bytes - estimate(settings, 2).checkpoint_bytes;
  EXPECT_GE(velocities, 4.0 * static_cast<double>(result.supernet_parameters));
  EXPECT_LT(velocities,
            4.0 * static_cast<double>(result.supernet_parameters) + num_weights * 4000.0);
  EXPECT_GT(result.memory_per_rank_bytes, estimate(settings, 2).memory_per_rank_bytes);
}

TEST_P(EstimateOfImages, KnowsTheMeanChild) {
  const Settings settings = small_image_settings(GetParam());
  const auto space = space::make_space(settings.space);
  const auto supernet = supernet::make_supernet(settings.space, settings.supernet,
                                                {.channels = 3, .num_classes = 4}, 1);
  constexpr int kChildren = 400;
  double sum = 0.0;
  double squares = 0.0;
  for (const auto& child : RandomStrategy(space, 3).propose(kChildren, {Purpose::test, 0, 0})) {
    double count = 0.0;
    for (const int weight : supernet->touched(child)) {
      const auto& value = supernet->weights()[static_cast<std::size_t>(weight)].value;
      count += static_cast<double>(value.numel());
    }
    sum += count;
    squares += count * count;
  }
  const double mean = sum / kChildren;
  const double deviation = std::sqrt(squares / kChildren - mean * mean);
  EXPECT_GT(deviation, 0.0);
  // The estimate looks at 200 children.
  EXPECT_NEAR(estimate(settings, 1).child_parameters, mean,
              4.0 * deviation * std::sqrt(1.0 / 200 + 1.0 / kChildren));
}

TEST(EstimateOfMacro, CountsExactlyWhereAllChildrenAreAlike) {
  Settings settings = small_image_settings(space::SpaceKind::macro);
  settings.space.macro.layers = 2;  // no pool layers: skips touch nothing of their own
  settings.space.macro.operations = {space::Operation::sep_conv_5x5};
  const Estimate result = estimate(settings, 1);
  const auto all = static_cast<double>(result.supernet_parameters);
  EXPECT_NEAR(result.child_parameters, all, 1e-6);
  EXPECT_NEAR(result.union_parameters, all, 1e-6);
}

TEST_P(EstimateOfImages, AllocatesNoLargeSupernet) {
  Settings settings = small_image_settings(GetParam());
  settings.space.macro.layers = 12;
  settings.supernet.macro.filters = 512;
  settings.supernet.micro.cells = 6;
  settings.supernet.micro.filters = 200;
  const double before = peak_memory_bytes();
  const Estimate result = estimate(settings, 4);
  EXPECT_GT(result.supernet_parameters, 100'000'000);
  // Over 400 MB of weights, and as much momentum.
  EXPECT_LT(peak_memory_bytes() - before, 200e6);
  EXPECT_GT(result.memory_per_rank_bytes, 8.0 * static_cast<double>(result.supernet_parameters));
}

TEST_P(EstimateOfImages, RefusesWhatDoesNotFit) {
  Settings settings = small_image_settings(GetParam());
  settings.rollout.batch_size = 31;
  EXPECT_EQ(thrown_code([&] { estimate(settings, 1); }), ExitCode::bad_data);
}

/// Bytes a rank that batches `factor` times as large add: of what a slot's passes keep.
double added_by_batches(Settings settings, int factor) {
  const double before = estimate(settings, 4).memory_per_rank_bytes;
  settings.weights.batch_size *= factor;
  return estimate(settings, 4).memory_per_rank_bytes - before;
}

TEST_P(EstimateOfImages, ActivationsGrowWithBatchAndWidth) {
  const Settings settings = small_image_settings(GetParam());
  const double bytes = added_by_batches(settings, 2);
  // At least one map of the first layer's width.
  EXPECT_GT(bytes, 4.0 * 4 * 64 * 2);
  EXPECT_NEAR(added_by_batches(settings, 3), 2.0 * bytes, 1e-6 * bytes);
  Settings wider = settings;
  wider.supernet.macro.filters *= 3;
  wider.supernet.micro.filters *= 3;
  EXPECT_NEAR(added_by_batches(wider, 2), 3.0 * bytes, 1e-6 * bytes);
}

TEST(Estimate, ActivationsGrowWithBatchSegmentAndWidth) {
  const Settings settings = text_settings();
  const double bytes = added_by_batches(settings, 2);
  // At least the nodes' values and gates of every step.
  EXPECT_GT(bytes, 4.0 * 5 * 9 * 8 * 3 * 2);
  Settings longer = settings;
  longer.weights.segments.segment_length = 18;
  EXPECT_GT(added_by_batches(longer, 2), bytes);
  Settings wider = settings;
  wider.supernet.recurrent.hidden = 16;
  EXPECT_GT(added_by_batches(wider, 2), bytes);
}

TEST(Estimate, RefusesWhatDoesNotFit) {
  Settings settings = text_settings();
  settings.weights.segments.segment_length = 100;
  EXPECT_EQ(thrown_code([&] { estimate(settings, 1); }), ExitCode::bad_data);
}

}  // namespace
}  // namespace enas::search
