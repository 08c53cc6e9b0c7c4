// SPDX-License-Identifier: Apache-2.0
#include "app/presets.hpp"

#include <gtest/gtest.h>

namespace enas::app {
namespace {

TEST(Presets, DefaultIsTheStructsOwn) {
  const Settings settings = preset_settings("default");
  EXPECT_EQ(settings.controller.hidden, 100);
  EXPECT_EQ(settings.reinforce.lr, 5e-5);
  EXPECT_EQ(settings.reinforce.baseline_decay, 0.99);
  EXPECT_EQ(settings.rollout.steps, 25);
  EXPECT_EQ(settings.rollout.rollouts, 10);
}

TEST(Presets, PaperMakesTwoThousandUpdatesFromOneChildEach) {
  const Settings settings = preset_settings("paper");
  EXPECT_EQ(settings.rollout.steps, 2000);
  EXPECT_EQ(settings.rollout.rollouts, 1);
  EXPECT_EQ(settings.reinforce.lr, 3.5e-4);
  EXPECT_EQ(settings.reinforce.entropy_weight, 1e-4);
  EXPECT_EQ(settings.controller.tanh_constant, 2.5);
  EXPECT_EQ(settings.space.nodes, 12);
  EXPECT_EQ(settings.weights.slots * settings.weights.batch_size, 64);
  EXPECT_EQ(settings.weights.lr_decay, 0.96);
  EXPECT_EQ(settings.weights.lr_decay_start, 15);
  EXPECT_EQ(settings.weights.weight_decay, 1e-7);
  EXPECT_EQ(settings.supernet.init_range, 0.025);
  EXPECT_EQ(settings.rounds, 150);
}

TEST(Presets, ReleasedFixesTheFirstNode) {
  const Settings settings = preset_settings("released");
  EXPECT_EQ(settings.space.nodes, 10);
  EXPECT_EQ(settings.space.first_node, space::FirstNode::tanh);
  EXPECT_EQ(settings.supernet.cell_output, supernet::CellOutput::all);
  EXPECT_TRUE(settings.controller.tie_embeddings);
  EXPECT_EQ(settings.controller.hidden, 64);
  EXPECT_EQ(settings.controller.init_range, 0.01);
  EXPECT_EQ(settings.reinforce.baseline_decay, 0.999);
  EXPECT_EQ(settings.weights.slots * settings.weights.batch_size, 128);
  EXPECT_TRUE(settings.weights.segments.random_length);
  EXPECT_TRUE(settings.weights.lr_scales_with_length);
  EXPECT_EQ(settings.weights.clip_norm, 0.1);
  EXPECT_EQ(settings.rounds, 600);
}

}  // namespace
}  // namespace enas::app
