// SPDX-License-Identifier: Apache-2.0
#include "search/reward.hpp"

#include <algorithm>
#include <cmath>

namespace enas::search {

double reward_of(const RolloutOptions& options, const task::Metric& metric, double value) {
  if (metric.kind == task::Metric::Kind::accuracy) return value;
  return std::min(options.reward_cap,
                  options.reward_scale / std::pow(value, options.reward_exponent));
}

}  // namespace enas::search
