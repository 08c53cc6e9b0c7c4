// SPDX-License-Identifier: Apache-2.0
// One holder at a time: on this machine by flock, across machines by the text in the file.
#include "run/lock.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "core/json.hpp"
#include "core/text.hpp"
#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::run {
namespace {

std::string this_host() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// SLURM_JOB_ID for one test.
class JobId {
 public:
  explicit JobId(const char* id) {
    if (id == nullptr) {
      unsetenv("SLURM_JOB_ID");
    } else {
      setenv("SLURM_JOB_ID", id, 1);
    }
  }
  ~JobId() { unsetenv("SLURM_JOB_ID"); }
  JobId(const JobId&) = delete;
  JobId& operator=(const JobId&) = delete;
};

/// A child process that holds the lock until it is killed.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& path) {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0) throw std::runtime_error("pipe failed");
    pid_ = fork();
    if (pid_ == 0) {
      char answer = 'n';
      std::unique_ptr<Lock> lock;
      try {
        lock = std::make_unique<Lock>(path);
        answer = 'y';
      } catch (const Error&) {
      }
      if (write(ready[1], &answer, 1) != 1) _exit(1);
      while (true) pause();
    }
    char answer = 'n';
    held_ = read(ready[0], &answer, 1) == 1 && answer == 'y';
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() { end(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  bool held() const { return held_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool held_ = false;
};

struct RunLockTest : testing::Test {
  io::ScratchFolder scratch;
  std::filesystem::path path = scratch / "run.lock";
  JobId no_job{nullptr};

  void put(const std::string& text) { std::ofstream(path) << text; }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
  }
  ExitCode lock_code() const {
    return thrown_code([&] { Lock lock(path); });
  }
};

TEST_F(RunLockTest, SaysWhoHoldsIt) {
  const JobId job("4711");
  const Lock lock(path);
  const auto holder = Json::parse(text());
  EXPECT_EQ(holder["host"], this_host());
  EXPECT_EQ(holder["pid"], getpid());
  EXPECT_EQ(holder["job"], "4711");
  EXPECT_EQ(holder["since"].get<std::string>().size(), 20U);
}

TEST_F(RunLockTest, IsFreeAgainAfterwards) {
  { const Lock lock(path); }
  EXPECT_EQ(text(), "");
  { const Lock lock(path); }
}

TEST_F(RunLockTest, RefusesASecondProcess) {
  const Holder holder(path);
  ASSERT_TRUE(holder.held());
  const std::string before = text();
  const std::string message = thrown<ConfigError>([&] { Lock lock(path); });
  EXPECT_TRUE(contains(message, concat("process ", holder.pid(), " on ", this_host()))) << message;
  EXPECT_TRUE(contains(message, path.string())) << message;
  EXPECT_EQ(lock_code(), ExitCode::cannot_create);
  EXPECT_EQ(text(), before);
}

TEST_F(RunLockTest, RefusesASecondProcessOfTheSameJob) {
  const JobId job("4711");
  const Holder holder(path);
  ASSERT_TRUE(holder.held());
  const std::string message = thrown<ConfigError>([&] { Lock lock(path); });
  EXPECT_TRUE(contains(message, "job 4711")) << message;
}

TEST_F(RunLockTest, IsFreeAfterTheHoldersDeath) {
  Holder holder(path);
  ASSERT_TRUE(holder.held());
  holder.end();
  EXPECT_NE(text(), "");
  const Lock lock(path);
  EXPECT_EQ(Json::parse(text())["pid"], getpid());
}

TEST_F(RunLockTest, RefusesTheTextOfAnotherHost) {
  put(R"({"host": "node17", "pid": 99, "job": "12", "since": "2026-01-01T00:00:00Z"})");
  const std::string before = text();
  const std::string message = thrown<ConfigError>([&] { Lock lock(path); });
  EXPECT_TRUE(contains(message, "process 99 on node17 (job 12) since 2026-01-01")) << message;
  EXPECT_EQ(lock_code(), ExitCode::cannot_create);
  EXPECT_EQ(text(), before);
  const JobId other_job("13");
  EXPECT_EQ(lock_code(), ExitCode::cannot_create);
}

TEST_F(RunLockTest, RefusesAnotherHostWithoutAJob) {
  put(R"({"host": "node17", "pid": 99, "job": "", "since": "now"})");
  EXPECT_EQ(lock_code(), ExitCode::cannot_create);
}

TEST_F(RunLockTest, TakesTheTextOfAnotherHostInTheSameJob) {
  put(R"({"host": "node17", "pid": 99, "job": "12", "since": "2026-01-01T00:00:00Z"})");
  const JobId job("12");
  const Lock lock(path);
  EXPECT_EQ(Json::parse(text())["host"], this_host());
}

TEST_F(RunLockTest, TakesOverWhatSaysNothing) {
  for (const char* text : {"", "garbage", "[1, 2]", "{}", "{\"host\": ", "null"}) {
    put(text);
    EXPECT_EQ(lock_code(), ExitCode::success) << text;
  }
}

TEST_F(RunLockTest, SurvivesValuesOfOtherTypes) {
  for (const char* text : {R"({"host": 5})", R"({"host": null, "job": 7})",
                           R"({"host": "node17", "pid": "x", "job": 3, "since": []})"}) {
    put(text);
    EXPECT_NO_THROW(lock_code()) << text;
  }
}

TEST_F(RunLockTest, TellsWhetherAnotherJobHoldsIt) {
  EXPECT_FALSE(is_held_by_another_job(path)) << "no run was begun";
  {
    Holder holder(path);
    ASSERT_TRUE(holder.held());
    const std::string before = text();
    EXPECT_TRUE(is_held_by_another_job(path));
    EXPECT_EQ(text(), before);
    holder.end();
    EXPECT_FALSE(is_held_by_another_job(path)) << "the holder died";
  }
  { const Lock lock(path); }
  EXPECT_FALSE(is_held_by_another_job(path)) << "the holder gave it back";
  put(R"({"host": "node17", "pid": 99, "job": "12", "since": "now"})");
  EXPECT_TRUE(is_held_by_another_job(path)) << "a job on another host";
  const JobId job("12");
  EXPECT_FALSE(is_held_by_another_job(path)) << "this job on another host";
}

TEST_F(RunLockTest, NeedsItsFolder) {
  EXPECT_EQ(thrown_code([&] { Lock lock(scratch / "nowhere/run.lock"); }), ExitCode::cannot_create);
}

}  // namespace
}  // namespace enas::run
