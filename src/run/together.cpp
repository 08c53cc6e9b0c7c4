// SPDX-License-Identifier: Apache-2.0
#include "run/together.hpp"

#include <filesystem>
#include <new>

#include "comm/slot_tree.hpp"
#include "core/text.hpp"
#include "io/file_calls.hpp"
#include "run/step_record.hpp"

namespace enas::run {

namespace {

Failure failure_of(const std::filesystem::filesystem_error& error) {
  std::string places = error.path1().string();
  if (!error.path2().empty()) places += " and " + error.path2().string();
  return {io::code_of(error.code().value()),
          concat(places.empty() ? "the file system failed" : "cannot use " + places, ": ",
                 error.code().message())};
}

}  // namespace

Failure failure_in_flight() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return failure_of(error);
  } catch (const std::bad_alloc&) {
    return {ExitCode::internal, "out of memory"};
  } catch (const std::exception& error) {
    return {ExitCode::internal, first_line(error.what())};
  }
}

void together(comm::World& world, const std::function<void()>& work) {
  Failure mine;
  try {
    const comm::World::LocalWork local(world);
    work();
  } catch (const std::exception&) {
    mine = failure_in_flight();
  }
  if (const auto failure = world.share_failure(mine.code, mine.message)) {
    throw ConfigError(
        failure.rank == 0 ? failure.message : concat("rank ", failure.rank, ": ", failure.message),
        failure.code);
  }
}

void on_root(comm::World& world, const std::function<void()>& work) {
  together(world, [&] {
    if (world.is_root()) work();
  });
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
