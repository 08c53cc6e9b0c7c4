// SPDX-License-Identifier: Apache-2.0
// Slurm's variables, and what stands in them when there is nothing to be said.
#include "run/batch_job.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>

namespace enas::run {
namespace {

void clear_environment() {
  for (const char* name : {"SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_JOB_END_TIME"}) {
    unsetenv(name);
  }
}

struct BatchJobTest : testing::Test {
  BatchJobTest() { clear_environment(); }
  ~BatchJobTest() override { clear_environment(); }
};

TEST_F(BatchJobTest, OutsideABatchJobThereIsNoneAndNoEnd) {
  const BatchJob job = present_batch_job();
  EXPECT_EQ(job.id, "");
  EXPECT_EQ(job.name(), "");
  EXPECT_TRUE(std::isinf(job.seconds_left()));
}

TEST_F(BatchJobTest, ARestartIsPartOfTheName) {
  setenv("SLURM_JOB_ID", "12", 1);
  EXPECT_EQ(present_batch_job().name(), "12");
  setenv("SLURM_RESTART_COUNT", "0", 1);
  EXPECT_EQ(present_batch_job().name(), "12");
  setenv("SLURM_RESTART_COUNT", "3", 1);
  EXPECT_EQ(present_batch_job().name(), "12 (restart 3)");
}

TEST_F(BatchJobTest, CountsDownToItsEnd) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  setenv("SLURM_JOB_END_TIME", std::to_string(now + 3600.0).c_str(), 1);
  const double left_s = present_batch_job().seconds_left();
  EXPECT_LE(left_s, 3600.0);
  EXPECT_GT(left_s, 3500.0);
  setenv("SLURM_JOB_END_TIME", std::to_string(now - 5.0).c_str(), 1);
  EXPECT_EQ(present_batch_job().seconds_left(), 0.0);
}

TEST_F(BatchJobTest, ZerosInFrontChangeNothing) {
  setenv("SLURM_JOB_ID", "12", 1);
  setenv("SLURM_RESTART_COUNT", "010", 1);
  EXPECT_EQ(present_batch_job().restarts, 10);
}

TEST_F(BatchJobTest, WhatIsNoNumberCountsAsUnsetAndIsTold) {
  for (const std::string text : {"Unknown", "12:30", "-5", "nan", "0x10", "7h", "1e400"}) {
    setenv("SLURM_JOB_END_TIME", text.c_str(), 1);
    setenv("SLURM_RESTART_COUNT", text.c_str(), 1);
    const BatchJob job = present_batch_job();
    EXPECT_TRUE(std::isinf(job.seconds_left())) << text;
    EXPECT_EQ(job.restarts, 0) << text;
    ASSERT_EQ(job.warnings.size(), 2U) << text;
    EXPECT_TRUE(job.warnings[0].starts_with("SLURM_RESTART_COUNT must be ")) << job.warnings[0];
    EXPECT_TRUE(job.warnings[1].ends_with("is " + text + "; it is ignored")) << job.warnings[1];
  }
  setenv("SLURM_JOB_END_TIME", "", 1);
  setenv("SLURM_RESTART_COUNT", "", 1);
  EXPECT_TRUE(present_batch_job().warnings.empty());
}

}  // namespace
}  // namespace enas::run
