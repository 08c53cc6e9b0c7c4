// SPDX-License-Identifier: Apache-2.0
// Ends a process whose main thread makes no progress, and leaves a record of what it did last.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace enas::comm {

/// A thread that never calls MPI. The main thread tells it what it does with begin(), end() and
/// note(). When nothing was told for `timeout_s` seconds, it writes hang-rank<r>.json and one line
/// on stderr, and ends the process with 79.
class Watchdog {
 public:
  Watchdog(int rank, double timeout_s, std::filesystem::path report_folder);
  /// Stops the thread; call it (destroy this) before MPI is finalized.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// An operation starts; what was going on before it has ended.
  void begin(std::string_view operation, std::int64_t bytes);
  /// The operation that began last has ended.
  void end();
  /// An activity without communication starts or goes on; later operations belong to `step`.
  void note(std::string_view activity, std::int64_t step);

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::uint64_t sequence = 0;  ///< from 1; 0 marks a place in the ring not used yet
    std::string operation;
    std::int64_t bytes = 0;
    std::int64_t step = 0;
    Clock::time_point started;
    double seconds = -1;  ///< negative while it lasts
  };
  static constexpr std::size_t kEntries = 64;

  void open_entry(std::string_view operation, std::int64_t bytes);
  void close_entry();
  Entry& newest() { return ring_[sequence_ % kEntries]; }
  void watch();
  [[noreturn]] void give_up(double idle_s);
  void write_report(const std::filesystem::path& path, double idle_s);

  const int rank_;
  const double timeout_s_;
  const std::filesystem::path report_folder_;
  const Clock::time_point start_ = Clock::now();

  std::mutex mutex_;  ///< guards everything below but the thread
  std::condition_variable wake_;
  bool stop_ = false;
  std::array<Entry, kEntries> ring_;
  std::uint64_t sequence_ = 0;
  std::uint64_t num_stamps_ = 0;
  std::int64_t step_ = 0;
  std::thread thread_;  ///< last, so that it starts when all else is there
};

}  // namespace enas::comm
