// SPDX-License-Identifier: Apache-2.0
// A rank that fails, stops or communicates in its own work leaves no other rank waiting.
#include "run/together.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "support/shared_folder.hpp"
#include "support/thrown.hpp"

namespace enas::run {
namespace {

int last_rank() { return test_world().size() - 1; }

/// Of a folder that holds no control files.
StopControl never_stopped(const SharedFolder& folder) {
  return {test_world().is_root(), folder.path(), {}, 0.0};
}

TEST(Together, EveryRankThrowsWhatOneThrew) {
  const auto code = thrown_code([] {
    together(test_world(), [] {
      if (test_world().rank() == last_rank()) throw InputError("lost", ExitCode::missing_input);
    });
  });
  EXPECT_EQ(code, ExitCode::missing_input);
}

TEST(Together, ACollectiveInItIsAMistakeThatAllRanksHearOf) {
  const auto text = thrown<ConfigError>([] {
    together(test_world(), [] {
      if (test_world().rank() == last_rank()) throw InputError("lost");
      test_world().barrier();
    });
  });
  // The lowest rank that failed speaks: with one rank there is only the lost file.
  EXPECT_TRUE(contains(text, test_world().size() == 1 ? "lost" : "barrier inside work")) << text;
}

TEST(InTurns, AFailureInATurnIsEveryRanks) {
  const SharedFolder folder;
  StopControl stop = never_stopped(folder);
  int done = 0;
  const auto text = thrown<ConfigError>([&] {
    in_turns(test_world(), "test", 12, stop, [&](int i) {
      if (i == 11) throw InputError("item 11 is damaged");
      ++done;
    });
  });
  EXPECT_TRUE(contains(text, "item 11 is damaged")) << text;
  EXPECT_EQ(done, 12 / test_world().size() - (test_world().rank() == last_rank() ? 1 : 0));
}

TEST(InTurns, AStopFileEndsAllRanksBetweenTwoTurns) {
  const SharedFolder folder;
  StopControl stop = never_stopped(folder);
  if (test_world().is_root()) std::ofstream(folder.path() / "STOP");
  const auto code = thrown_code([&] {
    in_turns(test_world(), "test", 12 * test_world().size(), stop,
             [&](int) { std::this_thread::sleep_for(std::chrono::milliseconds(200)); });
  });
  EXPECT_EQ(code, ExitCode::checkpointed);
  test_world().barrier();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "STOP"));
  test_world().barrier();
}

}  // namespace
}  // namespace enas::run
