// SPDX-License-Identifier: Apache-2.0
// Numbers as text, and the word somebody probably meant.
#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <iterator>

namespace enas {
namespace {

/// Edit distance where swapping two neighbours counts once (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

/// In lower case and with '_' for '-', since people mix these up.
std::string folded(std::string_view word) {
  std::string text(word);
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    if (letter == '-') letter = '_';
  }
  return text;
}

/// Whether the words begin alike: "gpu" is not taken for "cpu". The first two letters may be
/// swapped.
bool begin_alike(std::string_view a, std::string_view b) {
  const auto is_swapped = [&] { return a[0] == b[1] && a[1] == b[0]; };
  return a.substr(0, 1) == b.substr(0, 1) || (a.size() > 1 && b.size() > 1 && is_swapped());
}

/// Words with different digits are not taken for each other ("sep_conv_7x7", "sep_conv_5x5"), but a
/// digit may be left out.
bool differ_in_digits(std::string_view a, std::string_view b) {
  const auto digits_of = [](std::string_view word) {
    std::string digits;
    std::copy_if(word.begin(), word.end(), std::back_inserter(digits),
                 [](char c) { return c >= '0' && c <= '9'; });
    return digits;
  };
  const std::string of_a = digits_of(a);
  const std::string of_b = digits_of(b);
  return of_a.size() == of_b.size() && of_a != of_b;
}

}  // namespace

std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";  // never "-nan"
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return std::move(out).str();
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

std::string human_bytes(double bytes) {
  constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  // 1023.95 and above would be printed as "1024.0", so the next unit is taken.
  while (std::abs(bytes) >= 1023.95 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return concat(fixed(bytes, unit == 0 ? 0 : 1), " ", kUnits[unit]);
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
  constexpr std::size_t kLongest = 256;  // limits the work for a very long word
  if (word.size() < 3 || word.size() > kLongest) return "";
  const std::string written = folded(word);
  std::size_t best = std::clamp<std::size_t>(word.size() / 5, 1, 2) + 1;
  std::string found;
  for (const std::string& candidate : known) {
    const std::string meant = folded(candidate);
    if (!begin_alike(written, meant) || differ_in_digits(written, meant)) continue;
    const std::size_t distance = edit_distance(written, meant);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace enas
