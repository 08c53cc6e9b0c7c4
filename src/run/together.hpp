// SPDX-License-Identifier: Apache-2.0
// Runs local work; if any rank fails, every rank throws its error. Long work is cut into turns
// between which it can be stopped.
#pragma once

#include <functional>
#include <string>

#include "comm/world.hpp"
#include "core/error.hpp"
#include "run/stop_control.hpp"

namespace enas::run {

/// What the user is told of an exception, in one line unless it is an Error.
struct Failure {
  ExitCode code = ExitCode::success;
  std::string message;
};
/// Of the exception that is being handled; only in a handler of std::exception. A failure of the
/// file system is told by its path and reason, and has the code of that reason (io::code_of).
Failure failure_in_flight();

/// Collective. Runs `work`, which must not communicate (World::LocalWork); when it fails on any
/// rank, every rank throws that failure as ConfigError.
void together(comm::World& world, const std::function<void()>& work);

/// Collective. The same for work that rank 0 alone does.
void on_root(comm::World& world, const std::function<void()>& work);

/// Collective. work(i) for the i of this rank's block of `count`. After each all ranks meet: none
/// waits for more than one of them, which comm.timeout_s has to allow. `work` must not communicate;
/// when it fails, every rank throws as together() does. All ranks throw Error
/// (ExitCode::checkpointed) when `stop` of one of them asks for it.
void in_turns(comm::World& world, const std::string& activity, int count, StopControl& stop,
              const std::function<void(int)>& work);

}  // namespace enas::run
