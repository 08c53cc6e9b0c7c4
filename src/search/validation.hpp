// SPDX-License-Identifier: Apache-2.0
// What a round is judged by: a fixed number of sampled children on the validation split.
#pragma once

#include <vector>

#include "comm/world.hpp"
#include "data/token_columns.hpp"
#include "search/settings.hpp"
#include "search/strategy.hpp"
#include "space/rollout.hpp"
#include "supernet/supernet.hpp"

namespace enas::search {

struct ValidationReport {
  std::vector<space::Rollout> children;  ///< in index order; metric = nats per token
  double mean_perplexity = 0.0;          ///< over children that are finite; NaN when none is
  double best_perplexity = 0.0;
  int best = -1;                         ///< index of the best child, -1 when none is finite
  std::vector<double> decision_entropy;  ///< nats, one a token
  double entropy = 0.0;                  ///< their sum
  std::vector<double> option_histogram;  ///< share of each option among all option decisions
};

/// Collective. Scores settings.validation.children children, sampled at (validation_children,
/// index, step), over the first segments of the validation split with the state carried from zero.
ValidationReport validate(comm::World& world, const supernet::Supernet& supernet,
                          const Strategy& strategy, const space::SearchSpace& space,
                          const data::TokenColumns& columns, const Settings& settings,
                          std::int64_t step);

}  // namespace enas::search
