// SPDX-License-Identifier: Apache-2.0
// The last rank sleeps and never enters the collective: its peers' watchdogs must end the job
// with 79.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "comm/exchange.hpp"
#include "support/mpi_main.hpp"

TEST(Watchdog, EndsAHungJob) {
  auto& world = test_world();
  world.barrier();
  if (world.rank() == world.size() - 1) {
    std::this_thread::sleep_for(std::chrono::seconds(60));
    FAIL() << "was not ended by its peers";
  }
  world.start_watchdog(1.0, ".");
  world.note_progress("test", 17);
  // As in a search whose peer hangs: a point-to-point wait on one side, a collective on the other.
  enas::comm::Exchange exchange(world);
  std::vector<float> never(3);
  exchange.receive(std::span(never), world.size() - 1, 5);
  exchange.wait();
  FAIL() << "received what was never sent";
}
