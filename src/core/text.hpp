// SPDX-License-Identifier: Apache-2.0
// Building messages from parts, since std::format is not in every supported compiler yet.
#pragma once

#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace enas {

/// All parts, one after the other, as operator<< prints them.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// "a, b, c" for separator ", ".
template <typename Range>
std::string join(const Range& items, std::string_view separator) {
  std::ostringstream out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out << separator;
    out << item;
    first = false;
  }
  return std::move(out).str();
}

/// A number with `decimals` digits after the point.
std::string fixed(double value, int decimals);

/// What stands before the first line end: LibTorch's messages go on with a backtrace.
std::string first_line(std::string_view text);

/// A size as people read it: "95.4 MiB".
std::string human_bytes(double bytes);

/// The entry of `known` nearest to `word` by edit distance, or "" when none is near.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace enas
