// SPDX-License-Identifier: Apache-2.0
// Signal handlers, which set flags and do nothing else.
#include "core/stop_request.hpp"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace enas {
namespace {

constexpr std::int64_t kSecondInterruptNs = 3'000'000'000;
constexpr int kInterruptedExit = 130;

volatile sig_atomic_t first_stop_signal = 0;
volatile sig_atomic_t checkpoint_asked = 0;
// Wider than sig_atomic_t, and any thread may run the handler.
std::atomic<std::int64_t> last_interrupt_ns{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "needed in a signal handler");

void on_checkpoint(int) { checkpoint_asked = 1; }

void on_stop(int number) {
  if (first_stop_signal == 0) first_stop_signal = number;
}

void on_interrupt(int number) {
  const int saved_errno = errno;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t now_ns = now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
  const std::int64_t before_ns = last_interrupt_ns.exchange(now_ns);
  if (before_ns != 0 && now_ns - before_ns < kSecondInterruptNs) _exit(kInterruptedExit);
  on_stop(number);
  errno = saved_errno;
}

void install(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // SA_RESTART: without it a signal could make a read or write inside some library fail.
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

bool is_ignored(int number) {
  struct sigaction current {};
  return sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

/// Without this the next file that is opened would become the closed standard stream, and messages
/// would be written into it.
void reserve_standard_streams() {
  for (int stream = 0; stream <= 2; ++stream) {
    if (fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      if (open("/dev/null", O_RDWR) == -1) return;
    }
  }
}

}  // namespace

void install_stop_handlers() {
  reserve_standard_streams();
  install(SIGUSR1, on_stop);
  install(SIGTERM, on_stop);
  install(SIGINT, on_interrupt);
  install(SIGUSR2, on_checkpoint);
  if (!is_ignored(SIGHUP)) install(SIGHUP, on_stop);  // ignored already, as under nohup
  install(SIGPIPE, SIG_IGN);
  install(SIGXFSZ, SIG_IGN);
}

bool stop_requested() { return first_stop_signal != 0; }

std::string_view stop_signal_name() {
  switch (first_stop_signal) {
    case SIGUSR1:
      return "SIGUSR1";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "";
  }
}

bool take_checkpoint_request() {
  if (checkpoint_asked == 0) return false;
  checkpoint_asked = 0;
  return true;
}

}  // namespace enas
