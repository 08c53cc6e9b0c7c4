// SPDX-License-Identifier: Apache-2.0
// What the command line's options take: numbers, all read by core/number.hpp, and text.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/number.hpp"

namespace enas::app {

/// Without its description, which would be repeated after the option's type in the help.
inline CLI::Validator unnamed(CLI::Validator validator) { return validator.description(""); }

/// For Option::check: an empty text is mostly a variable that was not set.
inline CLI::Validator not_empty() {
  return {[](std::string& text) { return std::string(text.empty() ? "must not be empty" : ""); },
          ""};
}

/// For Option::transform: reads a whole number, and leaves plain digits to CLI11, which would take
/// "010" for an octal number.
inline CLI::Validator whole(const Range& allowed) {
  return {[=](std::string& text) {
            std::int64_t value = 0;
            if (const auto problem = read_whole(text, allowed, value)) return *problem;
            text = std::to_string(value);
            return std::string();
          },
          ""};
}

/// The same for numbers with a fraction.
inline CLI::Validator number(const Range& allowed) {
  return {[=](std::string& text) {
            double value = 0.0;
            return read_number(text, allowed, value).value_or("");
          },
          ""};
}

}  // namespace enas::app
