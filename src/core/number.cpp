// SPDX-License-Identifier: Apache-2.0
#include "core/number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "core/text.hpp"

namespace enas {
namespace {

std::string limit_text(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15
             ? std::to_string(static_cast<std::int64_t>(value))
             : shortest_digits(value);
}

/// What was typed, as a message shows it.
std::string shown(std::string_view text) {
  constexpr std::size_t kMostShown = 60;
  const bool needs_quotes = text.empty() || text.find_first_of(" \t\r\n") != text.npos;
  const std::string piece =
      text.size() <= kMostShown ? std::string(text) : concat(text.substr(0, kMostShown), "...");
  return needs_quotes ? concat('"', piece, '"') : piece;
}

std::string out_of_range(const Range& allowed, std::string_view text) {
  return concat("must be ", allowed.text(), ", is ", shown(text));
}

/// Whether from_chars read all of `text`.
bool is_all(const std::from_chars_result& result, std::string_view text) {
  return result.ec != std::errc::invalid_argument && result.ptr == text.data() + text.size();
}

}  // namespace

bool Range::contains(double value) const {
  const bool above = without_low ? value > low : value >= low;
  const bool below = without_high ? value < high : value <= high;
  return above && below;
}

std::string Range::text() const {
  const bool has_low = std::isfinite(low);
  const bool has_high = std::isfinite(high);
  std::string text;
  if (has_low) text += concat(without_low ? "above " : "at least ", limit_text(low));
  if (has_low && has_high) text += " and ";
  if (has_high) text += concat(without_high ? "below " : "at most ", limit_text(high));
  return text;
}

std::string shortest_digits(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  for (const std::string_view zero : {"e-0", "e+0"}) {
    const auto exponent = text.find(zero);
    if (exponent != std::string::npos) text.erase(exponent + 2, 1);
  }
  return text;
}

std::optional<std::string> read_whole(std::string_view text, const Range& allowed,
                                      std::int64_t& number) {
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!is_all(result, text)) {
    return concat("must be a whole number in decimal digits, is ", shown(text));
  }
  if (result.ec == std::errc::result_out_of_range) {
    const bool is_negative = text.front() == '-';
    if (std::isfinite(is_negative ? allowed.low : allowed.high)) return out_of_range(allowed, text);
    using Limits = std::numeric_limits<std::int64_t>;
    return is_negative ? concat("must be at least ", Limits::min(), ", is ", shown(text))
                       : concat("must be at most ", Limits::max(), ", is ", shown(text));
  }
  if (!allowed.contains(static_cast<double>(value))) return out_of_range(allowed, text);
  number = value;
  return std::nullopt;
}

std::optional<std::string> read_number(std::string_view text, const Range& allowed,
                                       double& number) {
  double value = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!is_all(result, text) || result.ec != std::errc() || !std::isfinite(value)) {
    return concat("must be a finite number in decimal digits, is ", shown(text));
  }
  if (!allowed.contains(value)) return out_of_range(allowed, text);
  number = value;
  return std::nullopt;
}

}  // namespace enas
