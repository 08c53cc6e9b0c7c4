// SPDX-License-Identifier: Apache-2.0
// Times as text.
#include "core/clock.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "core/text.hpp"

namespace enas {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return std::string(text, length);
}

std::string human_duration(double seconds) {
  constexpr double kLongest = 1e12;  // beyond it whole seconds may not fit a long long
  if (!(std::abs(seconds) < kLongest)) return concat(seconds, " s");
  const double positive = std::max(seconds, 0.0);
  if (positive < 59.95) return fixed(positive, 1) + " s";
  const long long whole_s = std::llround(positive);
  const auto two_digits = [](long long value) { return concat(value < 10 ? "0" : "", value); };
  if (whole_s < 3600) return concat(whole_s / 60, " min ", two_digits(whole_s % 60), " s");
  const long long minutes = (whole_s + 30) / 60;
  return concat(minutes / 60, " h ", two_digits(minutes % 60), " min");
}

}  // namespace enas
