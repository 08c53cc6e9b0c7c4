// SPDX-License-Identifier: Apache-2.0
// What a pipeline found: every network that was trained, and the best of each seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.hpp"

namespace enas::app {

/// One architecture that was trained and evaluated.
struct PipelineResult {
  std::string strategy;
  std::uint64_t seed = 0;
  int rank = 1;         ///< in the derivation
  double shared = 0.0;  ///< validation metric with shared weights
  double validation = 0.0;
  double test = 0.0;
  std::string run_dir;
  bool is_best_of_seed = false;  ///< by validation, among those of the strategy and seed
};

/// Sets is_best_of_seed. The test split has no part in it.
void mark_best_of_seeds(std::vector<PipelineResult>& results, bool higher_is_better);

Json results_json(const std::vector<PipelineResult>& results);

/// A table, and for each strategy mean and deviation of the test metric over seeds: networks of one
/// search are not independent, so each seed counts once.
std::string results_text(const std::vector<PipelineResult>& results, bool is_text);

}  // namespace enas::app
