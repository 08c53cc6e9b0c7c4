// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <limits>
#include <thread>

namespace enas {
namespace {

TEST(Clock, HumanDuration) {
  EXPECT_EQ(human_duration(0), "0.0 s");
  EXPECT_EQ(human_duration(4.21), "4.2 s");
  EXPECT_EQ(human_duration(59.97), "1 min 00 s");
  EXPECT_EQ(human_duration(200), "3 min 20 s");
  EXPECT_EQ(human_duration(3599.7), "1 h 00 min");
  EXPECT_EQ(human_duration(3725), "1 h 02 min");
  EXPECT_EQ(human_duration(360000), "100 h 00 min");
}

TEST(Clock, HumanDurationOfNoDuration) {
  EXPECT_EQ(human_duration(-3), "0.0 s");
  EXPECT_EQ(human_duration(std::numeric_limits<double>::infinity()), "inf s");
  EXPECT_EQ(human_duration(std::numeric_limits<double>::quiet_NaN()), "nan s");
}

TEST(Clock, UtcNowReadsBackAsNow) {
  const std::time_t before = std::time(nullptr);
  const std::string text = utc_now();
  std::tm parsed{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parsed);
  ASSERT_NE(end, nullptr) << text;
  EXPECT_EQ(*end, '\0') << text;
  EXPECT_GE(timegm(&parsed), before);
  EXPECT_LE(timegm(&parsed), std::time(nullptr));
}

TEST(Clock, StopwatchCountsAndRestarts) {
  const Stopwatch whole;
  Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(watch.restart(), 0.02);
  const double since_restart_s = watch.seconds();
  EXPECT_LE(since_restart_s, whole.seconds() - 0.02);
}

}  // namespace
}  // namespace enas
