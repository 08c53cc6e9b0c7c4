// SPDX-License-Identifier: Apache-2.0
// A whole split scored by all ranks together.
#pragma once

#include "comm/world.hpp"
#include "run/stop_control.hpp"
#include "task/task.hpp"

namespace enas::train {

/// Collective. Each rank scores a block of the parts; they are added in their order, so the bits do
/// not depend on the number of ranks.
nn::Score split_score(comm::World& world, const task::Task& task, const task::Scorer& scorer,
                      const task::SplitCut& cut);

/// Collective. The same, but `stop` can end it between two parts: then all ranks throw Error with
/// ExitCode::checkpointed.
nn::Score split_score_unless_stopped(comm::World& world, const task::Task& task,
                                     const task::Scorer& scorer, const task::SplitCut& cut,
                                     run::StopControl& stop);

}  // namespace enas::train
