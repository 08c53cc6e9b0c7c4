// SPDX-License-Identifier: Apache-2.0
#include "comm/watchdog.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/error.hpp"
#include "core/json.hpp"

namespace enas::comm {
namespace {

using std::chrono::milliseconds;
using std::this_thread::sleep_for;

class WatchdogTest : public testing::Test {
 protected:
  void SetUp() override {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    // Not by process number: the dying process runs this again and must find the same folder.
    folder_ = testing::TempDir() + "enas_watchdog_test";
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(WatchdogTest, LivesWhileThereIsProgress) {
  Watchdog watchdog(0, 1.0, folder_);
  for (int i = 0; i < 30; ++i) {
    watchdog.note("work", i);
    sleep_for(milliseconds(50));
  }
  SUCCEED() << "lasted longer than the timeout";
}

TEST_F(WatchdogTest, LooksAtStampsWhileTheyAreMade) {
  Watchdog watchdog(0, 2.0, folder_);  // looks every 250 ms
  const auto end = std::chrono::steady_clock::now() + milliseconds(1100);
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    watchdog.note("work", i);
    watchdog.begin("all-gather", i);
    watchdog.end();
  }
}

TEST_F(WatchdogTest, StopsAtOnce) {
  const auto start = std::chrono::steady_clock::now();
  { Watchdog watchdog(0, 600.0, folder_); }
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(900));
}

TEST_F(WatchdogTest, EndsAProcessThatHangsInAnOperation) {
  const auto hang = [&] {
    Watchdog watchdog(3, 0.3, folder_);
    watchdog.note("weight step", 17);
    for (int i = 0; i < 100; ++i) {
      watchdog.begin("all-gather", 8 + i);
      watchdog.end();
    }
    watchdog.begin("broadcast", 4096);
    sleep_for(std::chrono::seconds(60));
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(79),
              "rank 3 made no progress for 0\\.[0-9] s in broadcast at step 17");

  const Json report = Json::parse(std::ifstream(folder_ / "hang-rank3.json"));
  EXPECT_EQ(report["rank"], 3);
  EXPECT_EQ(report["step"], 17);
  EXPECT_EQ(report["operation"], "broadcast");
  EXPECT_EQ(report["in_operation"], true);
  const Json& operations = report["operations"];
  ASSERT_EQ(operations.size(), 64U);
  EXPECT_EQ(operations[63]["operation"], "broadcast");
  EXPECT_EQ(operations[63]["bytes"], 4096);
  EXPECT_TRUE(operations[63]["seconds"].is_null());
  for (std::size_t i = 1; i < 64; ++i) {
    EXPECT_EQ(operations[i]["sequence"], operations[i - 1]["sequence"].get<int>() + 1);
  }
  EXPECT_EQ(operations[62]["bytes"], 107);
  EXPECT_GE(operations[62]["seconds"].get<double>(), 0);
}

TEST_F(WatchdogTest, TellsWorkAfterAnOperationFromTheOperation) {
  const auto hang = [&] {
    Watchdog watchdog(0, 0.3, folder_);
    watchdog.begin("barrier", 0);
    watchdog.end();
    sleep_for(std::chrono::seconds(60));
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(79), "after barrier at step 0");
}

TEST_F(WatchdogTest, EndsTheProcessEvenWithoutAReport) {
  const auto hang = [&] {
    Watchdog watchdog(0, 0.3, folder_ / "missing");
    sleep_for(std::chrono::seconds(60));
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(79), "could not write .*hang-rank0.json");
}

TEST_F(WatchdogTest, RefusesATimeoutOfZero) {
  EXPECT_THROW(Watchdog(0, 0, folder_), ContractError);
}

}  // namespace
}  // namespace enas::comm
