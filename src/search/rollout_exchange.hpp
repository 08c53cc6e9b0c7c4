// SPDX-License-Identifier: Apache-2.0
// Rollouts made on different ranks become one list in index order on all of them.
#pragma once

#include <string>
#include <vector>

#include "comm/world.hpp"
#include "nn/training.hpp"
#include "run/step_record.hpp"
#include "space/rollout.hpp"
#include "task/task.hpp"

namespace enas::search {

/// A scored child; a loss or metric that is not finite becomes a status.
space::Rollout rollout_of(const space::Architecture& child, const nn::Score& score,
                          const task::Metric& metric);
/// Its record, as item number `item` of a step.
run::StepRecord record_of(const space::Rollout& rollout, int item, std::int64_t step);

/// Collective. Every rank gives the rollouts of its block; all get the whole list.
std::vector<space::Rollout> all_gather_rollouts(comm::World& world,
                                                const std::vector<space::Rollout>& own,
                                                const std::string& space_id);

}  // namespace enas::search
