// SPDX-License-Identifier: Apache-2.0
// Clock, batch system, control files and signals become flags.
#include "run/stop_control.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/stop_request.hpp"
#include "run/lock.hpp"
#include "run/step_record.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::run {
namespace {

void wait_s(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

void end_of_job_in(double seconds) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  setenv("SLURM_JOB_END_TIME", std::to_string(now + seconds).c_str(), 1);
}

struct StopControlTest : testing::Test {
  io::ScratchFolder scratch;

  StopControlTest() { unsetenv("SLURM_JOB_END_TIME"); }
  ~StopControlTest() override { unsetenv("SLURM_JOB_END_TIME"); }

  StopControl make(double max_time_s = 0.0, double every_s = 0.0, bool root = true) const {
    Limits limits;
    limits.max_time_s = max_time_s;
    return {root, scratch.path(), limits, every_s};
  }
  /// Of work that does not hold the lock of the directory, when its first look is due.
  StopControl make_without_lock() const {
    StopControl control(true, scratch.path(), {}, 0.0, false);
    control.look_for_files();
    return control;
  }
  void touch(const char* name) const { std::ofstream file(scratch / name); }
};

TEST_F(StopControlTest, WantsNothingByItself) {
  auto control = make();
  EXPECT_EQ(control.wishes(1e9), 0);
}

TEST_F(StopControlTest, StopsAtTheTimeLimit) {
  auto control = make(0.2);
  EXPECT_EQ(control.wishes(0.0), 0);
  wait_s(0.25);
  EXPECT_EQ(control.wishes(0.0), kFlagStop);
  EXPECT_EQ(control.reason(), "time limit");
}

TEST_F(StopControlTest, TheFileOfAPipelineStopsItsStages) {
  Limits limits;
  limits.pipeline = scratch.path();
  StopControl control(true, scratch / "train", limits, 0.0);
  touch("STOP");
  wait_s(1.1);
  EXPECT_EQ(control.wishes(0.0), kFlagStop);
  EXPECT_EQ(control.reason(), "STOP file");
  EXPECT_FALSE(std::filesystem::exists(scratch / "STOP"));
}

TEST_F(StopControlTest, OnlyRankZeroWatchesClockAndFiles) {
  auto control = make(0.01, 0.01, false);
  touch("STOP");
  touch("CHECKPOINT");
  wait_s(1.1);
  EXPECT_EQ(control.wishes(1e9), 0);
  EXPECT_TRUE(std::filesystem::exists(scratch / "STOP"));
  EXPECT_TRUE(std::filesystem::exists(scratch / "CHECKPOINT"));
  EXPECT_EQ(control.reason(), "a signal to another rank");
}

TEST_F(StopControlTest, ChecksPointsByTheClock) {
  auto control = make(0.0, 60.0);
  EXPECT_EQ(control.wishes(59.0), 0);
  EXPECT_EQ(control.wishes(60.0), kFlagCheckpoint);
  EXPECT_EQ(control.wishes(1.0), 0);
}

TEST_F(StopControlTest, TakesACheckpointFileOnce) {
  auto control = make();
  touch("CHECKPOINT");
  wait_s(1.1);
  EXPECT_EQ(control.wishes(0.0), kFlagCheckpoint);
  EXPECT_EQ(scratch.num_entries(), 0U);
  wait_s(1.1);
  EXPECT_EQ(control.wishes(0.0), 0);
}

TEST_F(StopControlTest, RemembersAStopFile) {
  auto control = make();
  touch("STOP");
  touch("CHECKPOINT");
  wait_s(1.1);
  EXPECT_EQ(control.wishes(0.0), kFlagStop | kFlagCheckpoint);
  EXPECT_EQ(control.reason(), "STOP file");
  EXPECT_EQ(scratch.num_entries(), 0U);
  // The step that carried the flag may be replayed.
  EXPECT_EQ(control.wishes(0.0), kFlagStop);
  EXPECT_EQ(make().wishes(0.0), 0);
}

TEST_F(StopControlTest, LeavesTheFilesOfARunThatWorksHere) {
  const Lock lock(scratch / "run.lock");
  touch("STOP");
  touch("CHECKPOINT");
  auto control = make_without_lock();
  EXPECT_EQ(control.wishes(0.0), kFlagStop);
  EXPECT_EQ(control.reason(), "STOP file");
  EXPECT_TRUE(std::filesystem::exists(scratch / "STOP"));
  EXPECT_TRUE(std::filesystem::exists(scratch / "CHECKPOINT"));
}

TEST_F(StopControlTest, TakesTheStopFileWhereNoOtherRunWorks) {
  for (const bool has_lock_file : {false, true}) {
    if (has_lock_file) {
      const Lock given_back(scratch / "run.lock");
    }
    touch("STOP");
    touch("CHECKPOINT");
    auto control = make_without_lock();
    EXPECT_EQ(control.wishes(0.0), kFlagStop);
    EXPECT_FALSE(std::filesystem::exists(scratch / "STOP"));
    EXPECT_TRUE(std::filesystem::exists(scratch / "CHECKPOINT")) << "it makes no checkpoints";
  }
}

TEST_F(StopControlTest, StopsBeforeTheBatchJobEnds) {
  end_of_job_in(3600);
  EXPECT_EQ(make().wishes(0.0), 0);
  end_of_job_in(30);
  EXPECT_EQ(make().wishes(0.0), kFlagStop);
  end_of_job_in(33);
  auto control = make();
  EXPECT_EQ(control.wishes(0.0), 0);
  wait_s(3.1);
  EXPECT_EQ(control.wishes(0.0), kFlagStop);
  EXPECT_EQ(control.reason(), "time limit");
}

TEST_F(StopControlTest, LeavesTimeForTwoCheckpoints) {
  end_of_job_in(100);
  EXPECT_EQ(make().wishes(0.0, 30.0), 0);
  EXPECT_EQ(make().wishes(0.0, 35.0), kFlagStop);
}

TEST_F(StopControlTest, LeavesTimeForAStepLikeTheLongest) {
  end_of_job_in(36);
  auto control = make();
  EXPECT_EQ(control.wishes(0.0), 0);
  wait_s(3.0);
  EXPECT_EQ(control.wishes(0.0), kFlagStop) << "33 s are left, and a step takes 3";
}

TEST_F(StopControlTest, DoesNotTakeTheStartForAStep) {
  end_of_job_in(40);
  auto control = make();
  wait_s(3.0);
  EXPECT_EQ(control.wishes(0.0, 1.0), 0);
}

TEST_F(StopControlTest, AnExplicitLimitCountsInABatchJob) {
  end_of_job_in(1);
  EXPECT_EQ(make(3600.0).wishes(0.0), 0);
}

TEST_F(StopControlTest, IgnoresAnEndTimeThatIsNoNumberOrHasPassed) {
  for (const char* text : {"", "Unknown", "12:30", "0", "-5", "nan", "1000"}) {
    setenv("SLURM_JOB_END_TIME", text, 1);
    EXPECT_EQ(make().wishes(0.0), 0) << text;
  }
}

// Signals cannot be taken back: in a process of its own.
TEST_F(StopControlTest, EveryRankPassesSignalsOn) {
  EXPECT_EXIT(
      {
        install_stop_handlers();
        auto control = make(0.0, 0.0, false);
        std::raise(SIGUSR2);
        const bool checkpoint = control.wishes(0.0) == kFlagCheckpoint;
        const bool once = control.wishes(0.0) == 0;
        std::raise(SIGUSR1);
        const bool stop = control.wishes(0.0) == kFlagStop;
        _exit(checkpoint && once && stop && control.reason() == "SIGUSR1" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace enas::run
