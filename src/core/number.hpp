// SPDX-License-Identifier: Apache-2.0
// Numbers as people type them: on the command line, in --set and in environment variables.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace enas {

/// Numbers that are allowed.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool without_low = false;
  bool without_high = false;

  bool contains(double value) const;
  /// "at least 1 and at most 4096"; "" when every number is allowed.
  std::string text() const;
};

constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .without_low = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }

/// The shortest digits that give the same number again: "0.1", "8e-7".
std::string shortest_digits(double value);

/// Stores the whole number that `text` is: decimal digits, with a minus in front of one below zero;
/// zeros in front change nothing. Otherwise stores nothing and returns what is wrong ("must be
/// ...").
std::optional<std::string> read_whole(std::string_view text, const Range& allowed,
                                      std::int64_t& number);
/// The same for a finite number with or without a fraction: "90.5", "1e-3".
std::optional<std::string> read_number(std::string_view text, const Range& allowed, double& number);

}  // namespace enas
