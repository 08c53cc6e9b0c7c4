// SPDX-License-Identifier: Apache-2.0
// A bench on several ranks ends on all of them alike.
#include "bench/bench.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/shared_folder.hpp"
#include "support/thrown.hpp"
#include "unit/search/small_settings.hpp"

namespace enas::bench {
namespace {

int last_rank() { return test_world().size() - 1; }

TEST(RunBench, DataThatOneRankCannotReadEndAllRanks) {
  const SharedFolder folder;
  if (test_world().is_root()) {
    for (const char* split : {"train", "valid", "test"}) {
      std::ofstream file(folder.path() / (std::string(split) + ".txt"));
      for (int line = 0; line < 200; ++line) file << "a b c\n";
    }
  }
  test_world().barrier();
  search::Settings settings = search::small_settings();
  settings.data.source = task::DataSource::folder;
  settings.data.path = folder.path().string();
  settings.run.threads = 1;
  Options options;
  options.steps = 1;
  options.repeats = 1;
  EXPECT_EQ(run_bench(test_world(), settings, options).ranks, test_world().size());
  if (test_world().rank() == last_rank()) settings.data.path += "/nowhere";
  EXPECT_EQ(thrown_code([&] { run_bench(test_world(), settings, options); }),
            ExitCode::missing_input);
}

}  // namespace
}  // namespace enas::bench
