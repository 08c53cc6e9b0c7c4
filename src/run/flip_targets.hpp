// SPDX-License-Identifier: Apache-2.0
// Which arrays of a job's state the flips of ENAS_FAULT hit.
#pragma once

#include <vector>

#include "run/fault.hpp"
#include "run/state.hpp"

namespace enas::run {

/// `moved` are the numbers of the weights that the last weight step moved, ascending.
std::vector<FlipTarget> flip_targets(const State& state, const std::vector<int>& moved);

}  // namespace enas::run
