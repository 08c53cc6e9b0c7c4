// SPDX-License-Identifier: Apache-2.0
// Every test runs in a process of its own: flags stay set.
#include "core/stop_request.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>

namespace enas {
namespace {

/// Exit status of a child process that runs `body`: 0 when that gives true, -number after a signal.
int run_in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGHUP, SIG_DFL);  // the tests themselves may run under nohup
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(StopRequest, NothingIsAskedForAtFirst) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              return !stop_requested() && stop_signal_name().empty() && !take_checkpoint_request();
            }),
            0);
}

TEST(StopRequest, EachStopSignalIsNamed) {
  const auto asks_for_stop = [](int number, std::string_view name) {
    return run_in_child([=] {
      install_stop_handlers();
      raise(number);
      return stop_requested() && stop_signal_name() == name && !take_checkpoint_request();
    });
  };
  EXPECT_EQ(asks_for_stop(SIGUSR1, "SIGUSR1"), 0);
  EXPECT_EQ(asks_for_stop(SIGTERM, "SIGTERM"), 0);
  EXPECT_EQ(asks_for_stop(SIGINT, "SIGINT"), 0);
  EXPECT_EQ(asks_for_stop(SIGHUP, "SIGHUP"), 0);
}

TEST(StopRequest, TheFirstSignalKeepsItsName) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              raise(SIGUSR1);
              raise(SIGTERM);
              return stop_signal_name() == "SIGUSR1";
            }),
            0);
}

TEST(StopRequest, Usr2AsksForOneCheckpointAndNoStop) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              raise(SIGUSR2);
              const bool first = take_checkpoint_request() && !take_checkpoint_request();
              raise(SIGUSR2);
              return first && take_checkpoint_request() && !stop_requested();
            }),
            0);
}

TEST(StopRequest, ASecondInterruptLeavesAtOnce) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              raise(SIGINT);
              raise(SIGINT);
              return true;
            }),
            130);
}

TEST(StopRequest, AnInterruptAfterAnotherSignalIsTheFirst) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              raise(SIGTERM);
              raise(SIGINT);
              return stop_requested();
            }),
            0);
}

TEST(StopRequest, BrokenPipesAndFileLimitsBecomeErrors) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              int ends[2];
              if (pipe(ends) != 0) return false;
              close(ends[0]);
              const bool broken_pipe = write(ends[1], "x", 1) == -1 && errno == EPIPE;
              char name[] = "/tmp/enas_limit_XXXXXX";
              const int file = mkstemp(name);
              unlink(name);
              const rlimit limit = {0, 0};
              setrlimit(RLIMIT_FSIZE, &limit);
              return broken_pipe && write(file, "x", 1) == -1 && errno == EFBIG;
            }),
            0);
}

TEST(StopRequest, NohupKeepsItsMeaning) {
  EXPECT_EQ(run_in_child([] {
              signal(SIGHUP, SIG_IGN);
              install_stop_handlers();
              raise(SIGHUP);
              return !stop_requested();
            }),
            0);
}

TEST(StopRequest, ASignalDoesNotBreakAWaitingRead) {
  EXPECT_EQ(run_in_child([] {
              install_stop_handlers();
              int ends[2];
              if (pipe(ends) != 0) return false;
              const pid_t reader = getpid();
              const pid_t helper = fork();
              if (helper == 0) {
                usleep(50000);
                kill(reader, SIGUSR1);
                usleep(50000);
                _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
              }
              char letter = 0;
              const bool got_letter = read(ends[0], &letter, 1) == 1 && letter == 'x';
              waitpid(helper, nullptr, 0);
              return got_letter && stop_requested();
            }),
            0);
}

TEST(StopRequest, ClosedStandardStreamsAreNotReusedByFiles) {
  EXPECT_EQ(run_in_child([] {
              close(STDOUT_FILENO);
              install_stop_handlers();
              return open("/dev/null", O_RDONLY) > STDERR_FILENO;
            }),
            0);
}

}  // namespace
}  // namespace enas
