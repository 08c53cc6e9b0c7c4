// SPDX-License-Identifier: Apache-2.0
// What a round is judged by: a fixed number of sampled children on the validation split.
#pragma once

#include <vector>

#include "comm/world.hpp"
#include "search/evaluator/evaluator.hpp"
#include "search/settings.hpp"
#include "search/strategy/strategy.hpp"
#include "space/rollout.hpp"

namespace enas::search {

struct ValidationReport {
  std::vector<space::Rollout> children;  ///< in index order
  double mean_metric = 0.0;              ///< over children that are finite; NaN when none is
  double best_metric = 0.0;              ///< NaN when none is finite
  int best = -1;                         ///< index of the best child, -1 when none is finite
  std::vector<double> decision_entropy;  ///< nats, one a token
  double entropy = 0.0;                  ///< their sum
  std::vector<double> option_histogram;  ///< share of each option among all option decisions
  double skip_rate = 0.0;  ///< share of ones among all bits of subsets; NaN without any
  std::vector<double> log_probability;  ///< nats, of each child being sampled; on rank 0
};

/// Collective. Scores settings.validation.children children, sampled at (validation_children,
/// index, step), as the evaluator scores on the validation split.
ValidationReport validate(comm::World& world, const Evaluator& evaluator, const Strategy& strategy,
                          const space::SearchSpace& space, const Settings& settings,
                          std::int64_t step);

}  // namespace enas::search
