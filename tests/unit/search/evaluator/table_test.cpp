// SPDX-License-Identifier: Apache-2.0
// Children that are looked up: their scores are the table's, and nothing is trained.
#include "search/evaluator/table.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "search/search.hpp"
#include "unit/io/scratch_folder.hpp"
#include "unit/search/evaluator/score_table_files.hpp"

namespace enas::search {
namespace {

const space::Architecture kBest{"recurrent/2", {0, 0, 1}};

struct TableEvaluatorTest : testing::Test {
  io::ScratchFolder folder;
  Settings settings = table_settings(TableContent().write(folder / "t.h5"));
  space::SearchSpace space = space::make_space(settings.space);
};

TEST_F(TableEvaluatorTest, ScoresAreThoseOfTheTable) {
  const auto evaluator = make_evaluator(settings, space, {0, 2});
  for (const nn::Score& score :
       {evaluator->reward_score(kBest, 3, 17), evaluator->validation_score(kBest),
        evaluator->whole_validation_score(kBest)}) {
    EXPECT_EQ(score.loss(), 0.625);
    EXPECT_EQ(score.count, 1);
  }
  EXPECT_EQ(evaluator->metric().kind, task::Metric::Kind::perplexity);
  EXPECT_EQ(evaluator->metric().limit, std::exp(0.625));
  EXPECT_EQ(evaluator->describe_data(),
            "t.h5: 4 architectures, mean of trainings alone: 2, perplexity 1.868 to 25.790");
  EXPECT_EQ(evaluator->validation_text(), "validation, trained alone, looked up in t.h5");
  EXPECT_EQ(evaluator->whole_validation_text(), evaluator->validation_text());
}

TEST_F(TableEvaluatorTest, NothingIsTrained) {
  const auto evaluator = make_evaluator(settings, space, {0, 2});
  EXPECT_EQ(evaluator->weight_steps(0), 0);
  EXPECT_EQ(evaluator->shared(), nullptr);
}

TEST_F(TableEvaluatorTest, EstimateCountsControllerStepsAlone) {
  settings.rounds = 3;
  const Estimate estimated = estimate(settings, 1);
  EXPECT_EQ(estimated.weight_steps_per_round, 0);
  EXPECT_EQ(estimated.total_steps, 3 * settings.rollout.steps);
  EXPECT_EQ(estimated.supernet_parameters, 0);
  EXPECT_EQ(estimated.bytes_reduced_per_step, 0.0);
  EXPECT_EQ(estimated.space_size, "4");
  EXPECT_GT(estimated.controller_parameters, 0);
}

TEST_F(TableEvaluatorTest, ArchitecturesAreRecurrentCells) {
  EXPECT_EQ(space::describe(settings.space, kBest).text, "0:tanh 1:relu(0) | mean 1");
}

}  // namespace
}  // namespace enas::search
