// SPDX-License-Identifier: Apache-2.0
// Work that may fail on one rank alone, or take long, before a collective in which the others would
// wait for it.
#pragma once

#include <functional>
#include <string>

#include "comm/world.hpp"

namespace enas::search {

/// Collective. Runs `work`, which must not communicate; when it fails on any rank, every rank
/// throws that failure as ConfigError.
void together(comm::World& world, const std::function<void()>& work);

/// Collective. work(i) for the i of this rank's block of `count`. After each all ranks meet: none
/// waits for more than one of them, which comm.timeout_s has to allow. `work` must not communicate.
/// All ranks throw Error (ExitCode::checkpointed) when one was asked to stop.
void in_turns(comm::World& world, const std::string& activity, int count,
              const std::function<void(int)>& work);

}  // namespace enas::search
