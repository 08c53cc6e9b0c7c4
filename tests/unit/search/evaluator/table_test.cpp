// SPDX-License-Identifier: Apache-2.0
// A tabular space behaves like any other, with its scores looked up and nothing to train.
#include <gtest/gtest.h>

#include <cmath>

#include "search/evaluator/tabular_task.hpp"
#include "search/search.hpp"
#include "search/spaces.hpp"
#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"
#include "unit/search/evaluator/score_table_files.hpp"

namespace enas::search {
namespace {

const space::Architecture kBest{"recurrent/2", {0, 0, 1}};

struct TabularTaskTest : testing::Test {
  io::ScratchFolder folder;
  Settings settings = tabular_settings(TableContent().write(folder / "t.h5"));
};

TEST_F(TabularTaskTest, ScoresAreThoseOfTheTable) {
  const auto task = task::make_task(settings, {0, 2});
  const auto supernet = make_supernet(settings, task->data_shape());
  const SharedChild child(*supernet, kBest);
  for (const nn::Score& score : {task->reward_score(child, 3, 17), task->validation_score(child),
                                 task->part_score(child, {}, 0)}) {
    EXPECT_EQ(score.loss(), 0.625);
    EXPECT_EQ(score.count, 1);
  }
  EXPECT_EQ(task->metric().kind, task::Metric::Kind::perplexity);
  EXPECT_EQ(task->metric().limit, std::exp(0.625));
  EXPECT_EQ(task->describe_data(),
            "t.h5: 4 architectures, mean of trainings alone: 2, perplexity 1.868 to 25.790");
  EXPECT_EQ(task->validation_text(), "validation, trained alone, looked up in t.h5");
}

TEST_F(TabularTaskTest, RewardIsThatOfText) {
  settings.rollout.reward_scale = 10.0;
  settings.rollout.reward_exponent = 2.0;
  settings.rollout.reward_cap = 3.0;
  const TabularTask task(settings);
  EXPECT_EQ(task.reward(4.0), 10.0 / 16.0);
  EXPECT_EQ(task.reward(1.0), 3.0);
}

TEST_F(TabularTaskTest, NothingIsTrained) {
  const auto task = task::make_task(settings, {0, 2});
  const auto supernet = make_supernet(settings, task->data_shape());
  EXPECT_EQ(task->steps_in_pass(0), 0);
  EXPECT_TRUE(supernet->weights().empty());
  EXPECT_TRUE(supernet->touched(kBest).empty());
  EXPECT_TRUE(weight_shapes(settings, task->data_shape()).empty());
  EXPECT_EQ(supernet->initial_state(32).numel(), 0);
  at::Tensor state;
  EXPECT_EQ(thrown_code([&] { task->training_batch({}, 0); }), ExitCode::internal);
  EXPECT_EQ(thrown_code([&] { supernet->gradient(kBest, {}, state, {}); }), ExitCode::internal);
}

TEST_F(TabularTaskTest, EstimateCountsControllerStepsAlone) {
  settings.rounds = 3;
  const Estimate estimated = estimate(settings, 1);
  EXPECT_EQ(estimated.weight_steps_per_round, 0);
  EXPECT_EQ(estimated.total_steps, 3 * settings.rollout.steps);
  EXPECT_EQ(estimated.supernet_parameters, 0);
  EXPECT_EQ(estimated.bytes_reduced_per_step, 0.0);
  EXPECT_EQ(estimated.space_size, "4");
  EXPECT_GT(estimated.controller_parameters, 0);
}

TEST_F(TabularTaskTest, ArchitecturesAreRecurrentCells) {
  EXPECT_EQ(architecture_kind(SpaceKind::tabular), space::SpaceKind::recurrent);
  EXPECT_EQ(name_of(SpaceKind::tabular), "tabular");
  EXPECT_EQ(describe_child(settings.space, kBest).text, "0:tanh 1:relu(0) | mean 1");
}

}  // namespace
}  // namespace enas::search
