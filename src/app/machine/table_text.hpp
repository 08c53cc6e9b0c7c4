// SPDX-License-Identifier: Apache-2.0
// Cells of the tables that benchmarks print.
#pragma once

#include <cstddef>
#include <string>

namespace enas::app {

/// "1.234 s", "12.34 ms" or "5.6 µs".
std::string seconds_text(double seconds);
/// "12.3 %" of a share of 0.123.
std::string percent(double share);
/// `text` with spaces before it, or after it, up to `width` characters as they are seen.
std::string right(const std::string& text, std::size_t width);
std::string left(const std::string& text, std::size_t width);

}  // namespace enas::app
