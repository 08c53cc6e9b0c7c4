// SPDX-License-Identifier: Apache-2.0
#include "run/together.hpp"

#include <string>

#include "comm/slot_tree.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "run/step_record.hpp"

namespace enas::run {

void together(comm::World& world, const std::function<void()>& work) {
  ExitCode code = ExitCode::success;
  std::string message;
  try {
    const comm::World::LocalWork local(world);
    work();
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  } catch (const std::exception& error) {
    code = ExitCode::internal;
    message = first_line(error.what());
  }
  if (const auto failure = world.share_failure(code, message)) {
    throw ConfigError(
        failure.rank == 0 ? failure.message : concat("rank ", failure.rank, ": ", failure.message),
        failure.code);
  }
}

void in_turns(comm::World& world, const std::string& activity, int count, StopControl& stop,
              const std::function<void(int)>& work) {
  const auto own = comm::block_of(world.rank(), world.size(), count);
  const int turns = (count + world.size() - 1) / world.size();
  stop.look_for_files();  // all of it may be shorter than the time between two looks
  for (int turn = 0; turn < turns; ++turn) {
    world.note_progress(activity, turn);
    const bool goes_on = (stop.wishes() & kFlagStop) == 0;
    if (!world.all_agree(goes_on)) {
      throw Error(ExitCode::checkpointed,
                  concat("stopped (", stop.reason(), ") in the ", activity,
                         ", of which nothing was written: the same command begins it again"));
    }
    together(world, [&] {
      if (turn < own.size()) work(own.begin + turn);
    });
  }
}

}  // namespace enas::run
