// SPDX-License-Identifier: Apache-2.0
// Everything that a search is configured by, as plain structs; filled by app from TOML.
#pragma once

#include <string>

#include "controller/options.hpp"
#include "run/options.hpp"
#include "space/space_options.hpp"
#include "supernet/options.hpp"
#include "task/options.hpp"
#include "train/options.hpp"

namespace enas::search {

enum class StrategyKind { reinforce, random };
/// "reinforce", "random".
const char* name_of(StrategyKind kind);

/// How children are scored.
enum class Evaluation {
  shared,  ///< with weights that all children share
  table,   ///< looked up: every child was trained alone before
};

struct EvaluationOptions {
  Evaluation kind = Evaluation::shared;
  std::string table;  ///< file with the scores
};

enum class Children { per_slot, shared };

/// How ω is trained.
struct WeightOptions : train::StepOptions {
  Children children = Children::per_slot;
};

/// How θ is trained; what follows from the policy itself is in ControllerOptions and
/// ReinforceOptions.
struct RolloutOptions : task::RewardBatch {
  int rollouts = 10;  ///< A: children a controller step scores
  int steps = 25;     ///< controller steps a round
  double reward_scale =
      80.0;  ///< c in c / ppl^exponent; text (of images the accuracy is the reward)
  double reward_exponent = 1.0;
  double reward_cap = 100.0;  ///< rewards above are cut; a metric never is
};

/// What is measured at a round's end.
struct ValidationOptions : task::ValidationBatches {
  int children = 10;  ///< sampled children scored
};

struct Settings {
  run::Options run;
  task::DataOptions data;
  space::SpaceOptions space;
  supernet::Options supernet;
  int rounds = 10;
  StrategyKind strategy = StrategyKind::reinforce;
  EvaluationOptions evaluation;
  WeightOptions weights;
  controller::ControllerOptions controller;
  controller::ReinforceOptions reinforce;
  RolloutOptions rollout;
  ValidationOptions validation;
};

/// The data and batches of a search.
task::Options task_options(const Settings& settings);

}  // namespace enas::search
