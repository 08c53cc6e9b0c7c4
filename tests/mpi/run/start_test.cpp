// SPDX-License-Identifier: Apache-2.0
// What one rank alone finds in its environment is told to all ranks.
#include "run/start.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/mpi_main.hpp"
#include "support/thrown.hpp"

namespace enas::run {
namespace {

/// ENAS_FAULT on the last rank alone, for one test.
class FaultOfTheLastRank {
 public:
  explicit FaultOfTheLastRank(const char* value) {
    if (test_world().rank() == test_world().size() - 1) setenv("ENAS_FAULT", value, 1);
  }
  ~FaultOfTheLastRank() { unsetenv("ENAS_FAULT"); }
  FaultOfTheLastRank(const FaultOfTheLastRank&) = delete;
  FaultOfTheLastRank& operator=(const FaultOfTheLastRank&) = delete;
};

TEST(AgreeOnFaults, EveryRankRefusesWhatOneCannotRead) {
  const FaultOfTheLastRank fault("nonsense");
  const auto text = thrown<ConfigError>([] { agree_on_faults(test_world()); });
  EXPECT_TRUE(contains(text, "ENAS_FAULT is 'nonsense'")) << text;
}

TEST(AgreeOnFaults, AFaultMayBeAskedForOnOneRankAlone) {
  const int last = test_world().size() - 1;
  const FaultOfTheLastRank fault((std::to_string(last) + ":3:nan").c_str());
  EXPECT_EQ(agree_on_faults(test_world()).is_armed(), test_world().rank() == last);
}

}  // namespace
}  // namespace enas::run
