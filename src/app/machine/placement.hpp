// SPDX-License-Identifier: Apache-2.0
// Where the ranks run: nodes and the cores that they may use.
#pragma once

#include <string>
#include <vector>

#include "comm/world.hpp"

namespace enas::app {

struct RankPlacement {
  std::string node;
  std::vector<int> cores;  ///< the binding mask
};

/// Collective. In rank order, on every rank.
std::vector<RankPlacement> gather_placement(comm::World& world);

/// "0-3,8".
std::string cores_text(const std::vector<int>& cores);

/// run.threads, else OMP_NUM_THREADS (its text, "" when unset), else 1.
int threads_in_force(int run_threads, const std::string& omp_num_threads);

/// What the user may want to change: idle cores on the first rank's node, more threads than cores.
struct PlacementAdvice {
  std::string hint;     ///< "" for none
  std::string warning;  ///< "" for none
};
PlacementAdvice placement_advice(const std::vector<RankPlacement>& ranks, int threads,
                                 int cores_of_node);

}  // namespace enas::app
