// SPDX-License-Identifier: Apache-2.0
// What a strategy learns from.
#pragma once

#include "search/settings.hpp"
#include "task/task.hpp"

namespace enas::search {

/// Of a finite metric. The accuracy itself (Pham et al. 2018); of a perplexity
/// min(cap, c / perplexity^exponent).
double reward_of(const RolloutOptions& options, const task::Metric& metric, double value);

}  // namespace enas::search
