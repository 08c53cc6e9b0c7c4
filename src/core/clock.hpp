// SPDX-License-Identifier: Apache-2.0
// Wall-clock helpers. Times never influence what is computed, only what is reported and when to
// stop.
#pragma once

#include <chrono>
#include <string>

namespace enas {

/// Seconds since it was made or restarted.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// Seconds so far; starts again from zero.
  double restart() {
    const double elapsed = seconds();
    start_ = std::chrono::steady_clock::now();
    return elapsed;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Now as "2026-01-31T12:00:00Z".
std::string utc_now();

/// "1 h 02 min", "3 min 20 s", "4.2 s".
std::string human_duration(double seconds);

}  // namespace enas
