// SPDX-License-Identifier: Apache-2.0
// TOML text as a flat list of values with their places. Treats the text as hostile.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/key.hpp"

namespace enas::app {

/// A longer configuration is refused unread.
inline constexpr std::size_t kMaxConfigBytes = 1 << 20;

/// One "key = value", or a table without content (as OtherValue).
struct TomlEntry {
  std::string key;  ///< dotted; parts that are no bare keys are quoted, so they match nothing known
  Value value;
  std::string place;  ///< "demo.toml:3:9", where the key stands
  std::size_t line = 0;
  std::size_t column = 0;
  std::string problem = {};  ///< of a number that was typed: what is wrong with it; "" for nothing
};

/// The text of a configuration file. Throws InputError: 66 when it is missing or unreadable, 65
/// when it is no regular file or longer than kMaxConfigBytes.
std::string read_config_text(const std::filesystem::path& file);

/// Throws ConfigError "NAME:LINE:COLUMN: ..." for a syntax error, a duplicate key, a byte-order
/// mark, a NUL byte, text that is not UTF-8, and more than 32 dots in a row (the parser recurses
/// over them).
/// Entries are in the order of the text.
std::vector<TomlEntry> read_toml(std::string_view text, const std::string& name);

/// `text` with control characters escaped and cut after `max_bytes`, for messages.
std::string printable(std::string_view text, std::size_t max_bytes = 80);

}  // namespace enas::app
