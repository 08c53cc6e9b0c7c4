// SPDX-License-Identifier: Apache-2.0
#include "app/config/presets.hpp"

#include <gtest/gtest.h>

namespace enas::app {
namespace {

TEST(Presets, DefaultOfTheRecurrentSpaceIsTheStructsOwn) {
  const Settings settings = preset_settings("default", Scope::recurrent);
  EXPECT_EQ(settings.space.kind, space::SpaceKind::recurrent);
  EXPECT_EQ(settings.controller.hidden, 100);
  EXPECT_EQ(settings.reinforce.lr, 5e-5);
  EXPECT_EQ(settings.reinforce.baseline_decay, 0.99);
  EXPECT_EQ(settings.rollout.steps, 25);
  EXPECT_EQ(settings.rollout.rollouts, 10);
}

TEST(Presets, PaperMakesTwoThousandUpdatesFromOneChildEach) {
  for (const auto kind : {Scope::recurrent, Scope::macro, Scope::micro}) {
    SCOPED_TRACE(name_of(kind));
    const Settings settings = preset_settings("paper", kind);
    EXPECT_EQ(scope_of(settings), kind);
    EXPECT_EQ(settings.weights.slots, 1);
    EXPECT_EQ(settings.rollout.steps, 2000);
    EXPECT_EQ(settings.rollout.rollouts, 1);
    EXPECT_EQ(settings.reinforce.lr, 3.5e-4);
    EXPECT_EQ(settings.reinforce.entropy_weight, kind == Scope::recurrent ? 1e-4 : 0.1);
    EXPECT_EQ(settings.controller.temperature, 5.0);
    EXPECT_EQ(settings.controller.tanh_constant, 2.5);
    EXPECT_EQ(settings.controller.option_tanh_divisor, 1.0);
    EXPECT_EQ(settings.controller.hidden, 100);
  }
}

TEST(Presets, PaperOfTheRecurrentSpace) {
  const Settings settings = preset_settings("paper", Scope::recurrent);
  EXPECT_EQ(settings.space.recurrent.nodes, 12);
  EXPECT_EQ(settings.weights.batch_size, 64);
  EXPECT_EQ(settings.weights.lr_schedule, train::LrSchedule::decay);
  EXPECT_EQ(settings.weights.lr_decay, 0.96);
  EXPECT_EQ(settings.weights.lr_decay_start, 15);
  EXPECT_EQ(settings.weights.weight_decay, 1e-7);
  EXPECT_EQ(settings.supernet.recurrent.init_range, 0.025);
  EXPECT_EQ(settings.rounds, 150);
}

TEST(Presets, ReleasedFixesTheFirstNode) {
  const Settings settings = preset_settings("released", Scope::recurrent);
  EXPECT_EQ(settings.space.recurrent.nodes, 10);
  EXPECT_EQ(settings.space.recurrent.first_node, space::FirstNode::tanh);
  EXPECT_EQ(settings.supernet.recurrent.cell_output, supernet::CellOutput::all);
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

TEST(Presets, ImagesFollowTheScriptsOfTheAuthors) {
  for (const auto kind : {Scope::macro, Scope::micro}) {
    SCOPED_TRACE(name_of(kind));
    const Settings settings = preset_settings("default", kind);
    EXPECT_EQ(settings.weights.lr_schedule, train::LrSchedule::cosine);
    EXPECT_EQ(settings.weights.lr, 0.05);
    EXPECT_EQ(settings.weights.lr_min, 0.0005);
    EXPECT_EQ(settings.weights.lr_restart_rounds, 10);
    EXPECT_EQ(settings.weights.lr_restart_factor, 2);
    EXPECT_EQ(settings.weights.momentum, 0.9);
    EXPECT_EQ(settings.weights.clip_norm, 5.0);
    EXPECT_EQ(settings.controller.hidden, 64);
    EXPECT_EQ(settings.controller.temperature, 0.0);
    EXPECT_EQ(settings.controller.init_range, 0.1);
    EXPECT_EQ(settings.reinforce.adam_beta1, 0.0);
    EXPECT_EQ(settings.reinforce.adam_beta2, 0.999);
    EXPECT_EQ(settings.reinforce.adam_epsilon, 1e-3);
    EXPECT_EQ(settings.reinforce.entropy_weight, 1e-4);
    EXPECT_EQ(settings.reinforce.baseline_decay, 0.99);
  }
  const Settings macro = preset_settings("default", Scope::macro);
  EXPECT_EQ(macro.weights.slots * macro.weights.batch_size, 128);
  EXPECT_EQ(macro.weights.weight_decay, 5e-4);
  EXPECT_EQ(macro.controller.tanh_constant, 1.5);
  EXPECT_EQ(macro.controller.option_tanh_divisor, 1.0);
  EXPECT_EQ(macro.controller.skip_target, 0.4);
  EXPECT_EQ(macro.reinforce.skip_weight, 0.8);
  EXPECT_EQ(macro.reinforce.lr, 1e-3);
  EXPECT_EQ(macro.rollout.steps * macro.rollout.rollouts, 50 * 20);
  EXPECT_EQ(macro.rollout.batch_size, 128);
  EXPECT_EQ(macro.rounds, 310);
  const Settings micro = preset_settings("default", Scope::micro);
  EXPECT_EQ(micro.weights.slots * micro.weights.batch_size, 160);
  EXPECT_EQ(micro.weights.weight_decay, 2e-4);
  EXPECT_EQ(micro.controller.tanh_constant, 1.1);
  EXPECT_EQ(micro.controller.option_tanh_divisor, 2.5);
  EXPECT_EQ(micro.reinforce.lr, 3.5e-3);
  EXPECT_EQ(micro.rollout.steps * micro.rollout.rollouts, 30 * 10);
  EXPECT_EQ(micro.rollout.batch_size, 160);
  EXPECT_EQ(micro.rounds, 150);
}

TEST(Presets, PaperOfTheImages) {
  for (const auto kind : {Scope::macro, Scope::micro}) {
    const Settings settings = preset_settings("paper", kind);
    EXPECT_EQ(settings.weights.batch_size, kind == Scope::macro ? 128 : 160);
    EXPECT_EQ(settings.weights.lr_min, 0.001);
    EXPECT_EQ(settings.weights.weight_decay, 1e-4);
    EXPECT_EQ(settings.rounds, 310);
  }
  const auto& macro = preset_settings("paper", Scope::macro).supernet.macro;
  EXPECT_EQ(macro.skip_merge, supernet::SkipMerge::concatenate);
  EXPECT_EQ(macro.operation_order, supernet::OperationOrder::relu_conv_norm);
}

TEST(Presets, ReleasedOfTheImagesKeepsWhatTheirCodeDoes) {
  const Settings macro = preset_settings("released", Scope::macro);
  EXPECT_EQ(macro.weights.slots, 1);
  EXPECT_EQ(macro.weights.batch_size, 128);
  EXPECT_EQ(macro.weights.clip_norm, 0.0);
  EXPECT_TRUE(macro.data.augment.cutout_corner);
  EXPECT_EQ(macro.data.augment.cutout, 0);
  EXPECT_EQ(macro.controller.skip_penalty, controller::SkipPenalty::released);
  EXPECT_EQ(macro.supernet.macro.skip_merge, supernet::SkipMerge::sum);
  EXPECT_NE(preset_help("released", Scope::macro).find("statistics of the batch"),
            std::string_view::npos);
  const Settings micro = preset_settings("released", Scope::micro);
  EXPECT_EQ(micro.weights.slots, 1);
  EXPECT_EQ(micro.weights.batch_size, 160);
  EXPECT_EQ(micro.weights.weight_decay, 2e-4);
  EXPECT_EQ(micro.supernet.micro.reduction_inputs, supernet::ReductionInputs::released);
  EXPECT_EQ(micro.space.micro.operation_prior, space::OperationPrior::released);
  EXPECT_NE(preset_help("released", Scope::micro).find("without dropout"), std::string_view::npos);
}

TEST(Presets, ATableHasThoseOfTheRecurrentSpace) {
  for (const auto& preset : preset_names()) {
    const Settings settings = preset_settings(preset, Scope::table);
    const Settings recurrent = preset_settings(preset, Scope::recurrent);
    EXPECT_EQ(scope_of(settings), Scope::table);
    EXPECT_EQ(settings.space.recurrent.nodes, recurrent.space.recurrent.nodes);
    EXPECT_EQ(settings.reinforce.lr, recurrent.reinforce.lr);
    EXPECT_EQ(preset_help(preset, Scope::table), preset_help(preset, Scope::recurrent));
  }
}

}  // namespace
}  // namespace enas::app
