// SPDX-License-Identifier: Apache-2.0
// Weight steps and controller steps in turns on any number of ranks: the bits
// of ω, its momentum and θ that one process gets.
#include <gtest/gtest.h>

#include "mpi/search/distributed_steps.hpp"
#include "run/replicas.hpp"
#include "search/controller_step.hpp"

namespace enas::search {
namespace {

class ImageSearch : public testing::TestWithParam<space::SpaceKind> {};
INSTANTIATE_TEST_SUITE_P(Spaces, ImageSearch,
                         testing::Values(space::SpaceKind::macro, space::SpaceKind::micro));

TEST_P(ImageSearch, EqualsOneProcessOverBothPhases) {
  const Settings settings = small_image_settings(GetParam(), 5);
  Distributed run(settings);
  ControllerStep controller_step(test_world(), run.parts.evaluator, run.parts.strategy,
                                 run.parts.settings);
  const auto compare_replicas = [&] {
    const auto state = checkpoint_state(run.state,
                                        {run::arrays_of(run.parts.supernet->weights()),
                                         run.weight_step.momentum(), run.parts.strategy.state()},
                                        5, {});
    run::compare_all(test_world(), state, run.state.progress.step);
  };
  Follower alone(settings);
  for (std::int64_t round = 0; round < 3; ++round) {
    run.state.progress.round = round;
    run.state.progress.index = 0;
    for (int step = 0; step < 2; ++step) {
      run.step();
      alone.follow(run, train::scheduled_lr(settings.weights, round));
      alone.expect_equal(run);
    }
    compare_replicas();
    for (int step = 0; step < 2; ++step) {
      const auto report = controller_step.run(run.state.progress, 0);
      const SequentialControllerStep expected(alone.parts, run.state.progress.step);
      expect_equal(report.rollouts, expected.rollouts);
      EXPECT_EQ(run::digest_of(run.parts.strategy.state()),
                run::digest_of(alone.parts.strategy.state()));
      ++run.state.progress.step;
    }
  }
  compare_replicas();
}

TEST_P(ImageSearch, TheOrderOfBatchesDoesNotMatter) {
  // After a reload batches are asked for again that were given before.
  const Settings settings = small_image_settings(GetParam(), 5);
  Distributed straight(settings);
  Distributed winding(settings);
  const auto go_to = [&](std::int64_t index) {
    winding.state.progress.index = winding.state.progress.step = index;
  };
  go_to(4);
  winding.step();
  run::copy_values(run::arrays_of(straight.parts.supernet->weights()),
                   run::arrays_of(winding.parts.supernet->weights()));
  run::copy_values(straight.weight_step.momentum(), winding.weight_step.momentum());
  go_to(0);
  for (int step = 0; step < 3; ++step) {
    straight.step();
    winding.step();
  }
  EXPECT_EQ(weights_digest(*winding.parts.supernet), weights_digest(*straight.parts.supernet));
  EXPECT_EQ(run::digest_of(winding.weight_step.momentum()),
            run::digest_of(straight.weight_step.momentum()));
}

}  // namespace
}  // namespace enas::search
