// SPDX-License-Identifier: Apache-2.0
// The thread that watches, the list of the newest operations, and the report of a hang.
#include "comm/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <utility>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

constexpr unsigned kReportLimitSeconds = 30;

// Not through a stream: the main thread may hang while it holds the stream's lock.
void print_to_stderr(const std::string& line) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Watchdog::Watchdog(int rank, double timeout_s, std::filesystem::path report_folder)
    : rank_(rank), timeout_s_(timeout_s), report_folder_(std::move(report_folder)) {
  expect(timeout_s > 0, "the watchdog needs a timeout above 0 s");
  open_entry("start", 0);
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::begin(std::string_view operation, std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  open_entry(operation, bytes);
}

void Watchdog::end() {
  const std::lock_guard lock(mutex_);
  close_entry();
}

void Watchdog::note(std::string_view activity, std::int64_t step) {
  const std::lock_guard lock(mutex_);
  step_ = step;
  open_entry(activity, 0);
}

void Watchdog::open_entry(std::string_view operation, std::int64_t bytes) {
  close_entry();
  ++sequence_;
  Entry& entry = newest();
  entry.sequence = sequence_;
  entry.operation = operation;
  entry.bytes = bytes;
  entry.step = step_;
  entry.started = Clock::now();
  entry.seconds = -1;
}

void Watchdog::close_entry() {
  ++num_stamps_;
  Entry& entry = newest();
  if (entry.sequence > 0 && entry.seconds < 0) {
    entry.seconds = seconds_between(entry.started, Clock::now());
  }
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  const double tick_s = std::min(1.0, timeout_s_ / 8);
  std::uint64_t seen = num_stamps_;
  // Counts its own waits instead of reading the clock: the time in which a job was suspended does
  // not count.
  double idle_s = 0;
  while (!wake_.wait_for(lock, std::chrono::duration<double>(tick_s), [this] { return stop_; })) {
    idle_s = seen == num_stamps_ ? idle_s + tick_s : 0;
    seen = num_stamps_;
    if (idle_s >= timeout_s_) give_up(idle_s);
  }
}

void Watchdog::give_up(double idle_s) {
  // Writing may hang on a broken file system. The alarm ends the process then.
  ::alarm(kReportLimitSeconds);
  const auto path = report_folder_ / concat("hang-rank", rank_, ".json");
  const Entry& last = newest();
  print_to_stderr(concat("error: rank ", rank_, " made no progress for ", fixed(idle_s, 1), " s ",
                         last.seconds < 0 ? "in " : "after ", last.operation, " at step ",
                         last.step, " (comm.timeout_s is ", fixed(timeout_s_, 1),
                         "): a peer died or hangs, or this"
                         " took longer than allowed. Its last operations are in ",
                         path.string(), "\n"));
  try {
    write_report(path, idle_s);
  } catch (const std::exception& failure) {
    print_to_stderr(concat("error: rank ", rank_, " could not write ", path.string(), ": ",
                           failure.what(), "\n"));
  }
  ::_exit(static_cast<int>(ExitCode::timeout));
}

void Watchdog::write_report(const std::filesystem::path& path, double idle_s) {
  Json report = {{"rank", rank_},
                 {"written", utc_now()},
                 {"timeout_s", timeout_s_},
                 {"idle_s", idle_s},
                 {"step", newest().step},
                 {"operation", newest().operation},
                 {"in_operation", newest().seconds < 0}};
  Json& operations = report["operations"] = Json::array();
  for (std::uint64_t i = 1; i <= kEntries; ++i) {
    const Entry& entry = ring_[(sequence_ + i) % kEntries];
    if (entry.sequence == 0) continue;
    operations.push_back({{"sequence", entry.sequence},
                          {"operation", entry.operation},
                          {"bytes", entry.bytes},
                          {"step", entry.step},
                          {"started_s", seconds_between(start_, entry.started)},
                          {"seconds", entry.seconds < 0 ? Json(nullptr) : Json(entry.seconds)}});
  }
  std::ofstream file(path);
  file << json_text(report, 2) << '\n';
  file.close();
  if (!file) throw SystemError("writing failed");
}

}  // namespace enas::comm
