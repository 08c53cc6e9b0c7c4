// SPDX-License-Identifier: Apache-2.0
// What the files share that call MPI for a world: its communicator, and how the watchdog is told.
#pragma once

#include <mpi.h>

#include "comm/watchdog.hpp"
#include "comm/world.hpp"

namespace enas::comm {

struct World::Communicator {
  MPI_Comm handle = MPI_COMM_WORLD;
  bool is_part = false;
};

/// Tells the watchdog, where there is one, that communication begins, and that it has ended when
/// the object goes. Throws ContractError during LocalWork.
class World::Operation {
 public:
  Operation(const World& world, const char* name, std::size_t bytes)
      : watchdog_(world.watchdog_.get()) {
    world.require_all_ranks(name);
    if (watchdog_) watchdog_->begin(name, static_cast<std::int64_t>(bytes));
  }
  ~Operation() {
    if (watchdog_) watchdog_->end();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  Watchdog* watchdog_;
};

}  // namespace enas::comm
