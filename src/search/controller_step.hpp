// SPDX-License-Identifier: Apache-2.0
// One step on θ: score sampled children on validation batches, then learn from their rewards
// (paper, 2.2).
#pragma once

#include <vector>

#include "comm/world.hpp"
#include "run/step_record.hpp"
#include "search/evaluator/evaluator.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/strategy/strategy.hpp"
#include "space/rollout.hpp"

namespace enas::search {

/// What one controller step did. Rank 0 alone has `learned`.
struct ControllerStepReport {
  std::vector<space::Rollout> rollouts;
  std::vector<double> rewards;  ///< without entropy; of a failed rollout 0
  LearnReport learned;
  io::Digest strategy_digest = {};  ///< of the strategy's state that proposed them
  std::int64_t flags = 0;
  double mean_reward = 0.0;
  double compute_s = 0.0, wait_s = 0.0;
};

class ControllerStep {
 public:
  ControllerStep(comm::World& world, const Evaluator& evaluator, Strategy& strategy,
                 const Settings& settings);

  /// Collective. Rank 0 updates the strategy; its state is broadcast. `flags` are this rank's
  /// wishes.
  ControllerStepReport run(const Progress& progress, std::int64_t flags);

 private:
  double reward(const space::Rollout& rollout) const;

  comm::World& world_;
  const Evaluator& evaluator_;
  Strategy& strategy_;
  const Settings& settings_;
};

}  // namespace enas::search
