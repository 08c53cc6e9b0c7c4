// SPDX-License-Identifier: Apache-2.0
// A checkpoint whose seal is right may still make no sense for this search.
#include "search/loaded_state.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "space/recurrent.hpp"
#include "support/thrown.hpp"
#include "unit/search/small_settings.hpp"

namespace enas::search {
namespace {

struct LoadedState : testing::Test {
  space::SearchSpace space = space::recurrent_space({.nodes = 2});  // 3 tokens: 4, 1 and 4 choices
  Settings settings = small_settings(2);                            // a pass has 6 segments
  std::unique_ptr<Evaluator> evaluator = make_evaluator(settings, space, {0, 2});
  SearchState state;
  Progress& progress = state.progress;
  BestChild& best = state.best;
  PhaseChildren& children = state.children;

  LoadedState() {
    settings.rollout.steps = 4;
    progress = {{20, 1, 1, 0.5}, 3, kWeightPhase, 5, 80.0};
    best = {70.0, 10, {3, 0, 3}};
    children = {{2, 6, 3}, std::vector<std::int32_t>(36, 0)};
  }

  /// What is wrong with the state as it stands, or "".
  std::string fault() {
    return thrown<InputError>([&] { check_loaded(state, space, settings, *evaluator); });
  }
  bool complains_about(const std::string& name) {
    const std::string text = fault();
    EXPECT_TRUE(contains(text, name)) << text;
    return !text.empty();
  }
};

TEST_F(LoadedState, TakesWhatFits) {
  EXPECT_EQ(fault(), "");
  best = BestChild();
  EXPECT_EQ(fault(), "");
  progress = Progress();
  children = PhaseChildren();
  EXPECT_EQ(fault(), "");
  progress.phase = 1;
  progress.index = 3;
  EXPECT_EQ(fault(), "");
}

TEST_F(LoadedState, RefusesNumbersOutOfRange) {
  const Progress good = progress;
  for (const auto& [name, member] : std::vector<std::pair<std::string, std::int64_t Progress::*>>{
           {"step", &Progress::step},
           {"round", &Progress::round},
           {"bad_steps", &Progress::bad_steps},
           {"rollbacks", &Progress::rollbacks},
           {"index", &Progress::index},
           {"phase", &Progress::phase}}) {
    progress.*member = -1;
    EXPECT_TRUE(complains_about(name + " is -1"));
    progress = good;
  }
  progress.phase = 2;
  EXPECT_TRUE(complains_about("phase is 2"));
  progress = good;
  for (const double factor : {0.0, -0.5, 2.0, std::nan("")}) {
    progress.lr_factor = factor;
    EXPECT_TRUE(complains_about("lr_factor"));
  }
}

TEST_F(LoadedState, RefusesAPositionBeyondItsPhase) {
  progress.index = 6;
  EXPECT_TRUE(complains_about("index is 6"));
  progress.phase = 1;
  progress.index = 4;
  EXPECT_TRUE(complains_about("index is 4"));
}

TEST_F(LoadedState, RefusesChildrenOfAnotherPhase) {
  const PhaseChildren good = children;
  children.shape[0] = 1;
  children.tokens.resize(18);
  EXPECT_TRUE(complains_about("rows of children"));
  children = good;
  children.shape[1] = 5;
  children.tokens.resize(30);
  EXPECT_TRUE(complains_about("steps of children"));
  children = good;
  children.shape[2] = 2;
  children.tokens.resize(24);
  EXPECT_TRUE(complains_about("tokens of children"));
  children = good;
  children.tokens[35] = 4;
  EXPECT_NE(fault(), "");
  children.tokens[35] = -1;
  EXPECT_NE(fault(), "");
  children = good;
  settings.weights.children = Children::shared;
  EXPECT_TRUE(complains_about("rows of children"));
  children.shape[0] = 1;
  children.tokens.resize(18);
  EXPECT_EQ(fault(), "");
}

TEST_F(LoadedState, KnowsImagesAndSubsets) {
  settings = small_image_settings(space::SpaceKind::macro, 2);  // a pass has 6 batches
  evaluator = make_evaluator(settings, space, {});
  settings.rollout.steps = 4;
  space = space::macro_space(settings.space.macro);  // 6 | 6, 1 bit | 6, 2 bits
  best.tokens = {5, 5, 1, 5, 1, 1};
  children = {{2, 6, 6}, {}};
  for (int child = 0; child < 12; ++child) {
    children.tokens.insert(children.tokens.end(), best.tokens.begin(), best.tokens.end());
  }
  EXPECT_EQ(fault(), "");
  progress.index = 6;
  EXPECT_TRUE(complains_about("index is 6"));
  progress.index = 5;
  children.tokens[71] = 2;
  EXPECT_TRUE(complains_about("layer 2 skip"));
  children.tokens[71] = 0;
  EXPECT_EQ(fault(), "");
  best.tokens[3] = 6;
  EXPECT_TRUE(complains_about("layer 2 operation"));
}

TEST_F(LoadedState, RefusesABestChildOfAnotherSpace) {
  best.tokens = {3, 0, 4};
  EXPECT_NE(fault(), "");
  best.tokens = {3, 0};
  EXPECT_NE(fault(), "");
}

}  // namespace
}  // namespace enas::search
