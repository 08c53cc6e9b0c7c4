// SPDX-License-Identifier: Apache-2.0
#include "app/machine/table_text.hpp"

#include "core/text.hpp"

namespace enas::app {

std::string seconds_text(double seconds) {
  if (seconds >= 1.0) return concat(fixed(seconds, 3), " s");
  if (seconds >= 1e-3) return concat(fixed(1e3 * seconds, 2), " ms");
  return concat(fixed(1e6 * seconds, 1), " µs");
}

std::string percent(double share) { return concat(fixed(100.0 * share, 1), " %"); }

std::string right(const std::string& text, std::size_t width) {
  std::size_t seen = 0;
  for (const unsigned char c : text) seen += (c & 0xC0U) != 0x80U ? 1 : 0;
  return std::string(seen < width ? width - seen : 1, ' ') + text;
}

std::string left(const std::string& text, std::size_t width) {
  const std::string padded = right(text, width);
  const auto spaces = padded.find_first_not_of(' ');
  return text + padded.substr(0, spaces);
}

}  // namespace enas::app
