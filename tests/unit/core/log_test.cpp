// SPDX-License-Identifier: Apache-2.0
// What reaches stdout, stderr and run.log, with and without a terminal. Each case runs in a child
// process.
#include "core/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "core/error.hpp"

namespace enas {
namespace {

struct Outcome {
  std::string out;
  std::string err;
  int status = -1;
};

std::string read_all(int descriptor) {
  std::string text;
  char piece[4096];
  for (ssize_t count = 0; (count = read(descriptor, piece, sizeof piece)) > 0;) {
    text.append(piece, static_cast<std::size_t>(count));
  }
  close(descriptor);
  return text;
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

[[noreturn]] void run_and_exit(const std::function<void()>& body) {
  try {
    body();
  } catch (...) {
    _exit(99);
  }
  _exit(0);
}

Outcome run_with_pipes(const std::function<void()>& body) {
  int out[2], err[2];
  if (pipe(out) != 0 || pipe(err) != 0) return {};
  std::fflush(nullptr);  // or the child would print what waits in our buffers
  const pid_t child = fork();
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    run_and_exit(body);
  }
  close(out[1]);
  close(err[1]);
  Outcome outcome{.out = read_all(out[0]), .err = read_all(err[0])};
  outcome.status = wait_for(child);
  return outcome;
}

/// Everything a terminal of 40 columns was sent; stderr goes there too.
Outcome run_on_terminal(const std::function<void()>& body) {
  winsize size{};
  size.ws_col = 40;
  size.ws_row = 10;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    run_and_exit(body);
  }
  Outcome outcome{.out = read_all(terminal), .err = ""};
  outcome.status = wait_for(child);
  return outcome;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/enas_log_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    path_ = folder_ + "/run.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST(Log, RootPrintsPlainTextInfoToStdoutAndTroubleToStderr) {
  const Outcome outcome = run_with_pipes([] {
    Log log(0);
    log.info("hello {}");
    log.warn("careful");
    log.error("broken");
  });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "hello {}\n");
  EXPECT_EQ(outcome.err, "warning: careful\nerror: broken\n");
}

TEST(Log, OtherRanksPrintErrorsOnly) {
  const Outcome outcome = run_with_pipes([] {
    Log log(3);
    log.info("hello");
    log.warn("careful");
    log.progress("step 1");
    log.error("broken");
  });
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "rank 3: error: broken\n");
}

TEST(Log, ProgressInABatchIsAPlainLineEachInterval) {
  const Outcome outcome = run_with_pipes([] {
    Log log(0);
    log.progress("step 1");
    log.progress("step 2");  // ten seconds have not gone by
    log.set_progress_interval(0);
    log.progress("step 3");
    log.set_progress_interval(1000);
    log.progress("step 4");
  });
  EXPECT_EQ(outcome.out, "step 1\nstep 3\n");
}

TEST(Log, BatchOutputHoldsNoControlCharacters) {
  const Outcome outcome = run_with_pipes([] {
    Log log(0);
    log.set_progress_interval(0);
    log.progress("a\rb");
    log.info("c\033[2Jd\tend");
    log.warn("e\r\nf");
  });
  EXPECT_EQ(outcome.out, "a?b\nc?[2Jd\tend\n");
  EXPECT_EQ(outcome.err, "warning: e?\nf\n");
}

TEST(Log, ATerminalGetsOneLiveLineThatOtherMessagesClear) {
  const Outcome outcome = run_on_terminal([] {
    Log log(0);
    log.progress("step 1");
    log.info("hello");
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    log.progress("step 3");
  });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "\r\033[Kstep 1\r\033[Khello\r\n\r\033[Kstep 3\r\n");
}

TEST(Log, ALiveLineIsReplacedAtMostTenTimesASecond) {
  const Outcome outcome = run_on_terminal([] {
    Log log(0);
    for (int i = 0; i < 2000; ++i) log.progress("step");
  });
  // All calls together take milliseconds; the margin is for a machine that is busy for seconds.
  EXPECT_GE(std::count(outcome.out.begin(), outcome.out.end(), 'K'), 1);
  EXPECT_LT(std::count(outcome.out.begin(), outcome.out.end(), 'K'), 100);
}

TEST(Log, ALiveLineIsCutAtTheWidthBetweenLetters) {
  const Outcome outcome = run_on_terminal([] {
    std::string line;
    for (int i = 0; i < 60; ++i) line += "\u03c9";
    Log(0).progress(line);
  });
  std::string expected = "\r\033[K";
  for (int i = 0; i < 39; ++i) expected += "\u03c9";
  EXPECT_EQ(outcome.out, expected + "\r\n");
}

TEST(Log, AFullOrClosedStdoutEndsNothing) {
  const auto log_after = [](const std::function<void()>& prepare) {
    return run_with_pipes([&] {
      prepare();
      Log log(0);
      for (int i = 0; i < 10000; ++i) log.info("a line that goes nowhere");
      log.warn("still here");
    });
  };
  const Outcome full = log_after([] { dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO); });
  EXPECT_EQ(full.status, 0);
  EXPECT_EQ(full.err, "warning: still here\n");
  const Outcome closed = log_after([] { close(STDOUT_FILENO); });
  EXPECT_EQ(closed.status, 0);
  EXPECT_EQ(closed.err, "warning: still here\n");
}

TEST_F(LogFile, HoldsEverythingWithUtcTimesUntilClosed) {
  const Outcome outcome = run_with_pipes([this] {
    setenv("TZ", "XYZ-9", 1);  // nine hours from UTC
    tzset();
    Log log(0);
    log.info("before");
    log.open_file(path_);
    log.info("hello");
    log.warn("careful");
    log.error("broken");
    log.progress("step 1");
    log.close_file();
    log.info("after");
  });
  EXPECT_EQ(outcome.out, "before\nhello\nstep 1\nafter\n");
  std::istringstream lines(file_text(path_));
  for (const char* expected : {" hello", " warning: careful", " error: broken", " step 1"}) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    std::tm time{};
    const char* rest = strptime(line.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    ASSERT_NE(rest, nullptr) << line;
    EXPECT_STREQ(rest, expected);
    EXPECT_NEAR(std::difftime(timegm(&time), std::time(nullptr)), 0, 60) << line;
  }
  EXPECT_EQ(lines.peek(), EOF);
}

TEST_F(LogFile, IsAppendedToAndFlushedLineByLine) {
  std::ofstream(path_) << "old line\n";
  Log log(0);
  log.open_file(path_);
  testing::internal::CaptureStdout();
  log.info("new line");
  testing::internal::GetCapturedStdout();
  const std::string text = file_text(path_);
  EXPECT_TRUE(text.starts_with("old line\n")) << text;
  EXPECT_TRUE(text.ends_with("new line\n")) << text;
}

TEST_F(LogFile, IsNotMadeByALogOfErrorsOnly) {
  const Outcome outcome = run_with_pipes([this] {
    Log log = Log::errors_only(0);
    log.open_file(path_);
    log.info("hello");
    log.warn("careful");
    log.progress("step 1");
    log.error("broken");
  });
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "error: broken\n");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LogFile, IsMadeByTheRootAlone) {
  Log(1).open_file(path_);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LogFile, ThatCannotBeOpenedIsASystemError) {
  Log log(0);
  EXPECT_THROW(log.open_file(folder_), SystemError);
}

TEST_F(LogFile, ThatCannotBeWrittenIsToldOnce) {
  const Outcome outcome = run_with_pipes([] {
    Log log(0);
    log.open_file("/dev/full");
    log.info("one");
    log.info("two");
  });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "one\ntwo\n");
  EXPECT_TRUE(outcome.err.starts_with("warning: run.log is incomplete: ")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

}  // namespace
}  // namespace enas
