// SPDX-License-Identifier: Apache-2.0
// A rank that fails, stops or communicates in its own work leaves no other rank waiting.
#include "search/together.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "mpi/search/checkpoint_program.hpp"
#include "search/bench.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
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

TEST(RunBench, DataThatOneRankCannotReadEndAllRanks) {
  const SharedFolder folder;
  if (test_world().is_root()) {
    for (const char* split : {"train", "valid", "test"}) {
      std::ofstream file(folder.path() / (std::string(split) + ".txt"));
      for (int line = 0; line < 200; ++line) file << "a b c\n";
    }
  }
  test_world().barrier();
  Settings settings = small_settings();
  settings.data.source = DataSource::folder;
  settings.data.path = folder.path().string();
  settings.run.threads = 1;
  BenchOptions options;
  options.steps = 1;
  options.repeats = 1;
  EXPECT_EQ(run_bench(test_world(), settings, options).ranks, test_world().size());
  if (test_world().rank() == last_rank()) settings.data.path += "/nowhere";
  EXPECT_EQ(thrown_code([&] { run_bench(test_world(), settings, options); }),
            ExitCode::missing_input);
}

}  // namespace
}  // namespace enas::search
