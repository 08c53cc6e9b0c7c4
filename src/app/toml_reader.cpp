// SPDX-License-Identifier: Apache-2.0
// The only file that sees toml++ (3.3.0 needs help: it crashes on a key of 100,000 dotted parts).
#include "app/toml_reader.hpp"

// In a release build toml++ lets the compiler take for granted that a key follows '[', which nobody
// promised. Without its assertions it looks, and says where there is none.
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"

namespace enas::app {
namespace {

constexpr int kMaxDots = 32;

[[noreturn]] void refuse(const std::string& name, std::size_t line, std::size_t column,
                         std::string_view problem) {
  throw ConfigError(concat(name, ":", line, ":", column, ": ", problem));
}

/// What the parser would accept silently or not survive. Dots are counted between the characters
/// that end a key, whatever quotes and comments say, so that no text can hide them.
void check_bytes(std::string_view text, const std::string& name) {
  if (text.size() > kMaxConfigBytes) {
    refuse(name, 1, 1, concat("longer than ", kMaxConfigBytes, " bytes"));
  }
  if (text.starts_with("\xEF\xBB\xBF")) refuse(name, 1, 1, "starts with a byte-order mark");
  std::size_t line = 1;
  std::size_t line_start = 0;
  int dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') refuse(name, line, i - line_start + 1, "NUL byte");
    if (c == '.' && ++dots > kMaxDots) {
      refuse(name, line, i - line_start + 1, concat("more than ", kMaxDots, " dots in a row"));
    }
    if (std::string_view("\n=,[]{}#").find(c) != std::string_view::npos) dots = 0;
    if (c == '\n') {
      ++line;
      line_start = i + 1;
    }
  }
}

bool is_bare(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

Value array_value(const toml::array& array) {
  std::vector<std::string> items;
  for (const auto& item : array) {
    if (!item.is_string()) return OtherValue{"a list with something else than strings"};
    items.push_back(item.as_string()->get());
  }
  return items;
}

Value value_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::boolean:
      return node.as_boolean()->get();
    case toml::node_type::integer:
      return node.as_integer()->get();
    case toml::node_type::floating_point:
      return node.as_floating_point()->get();
    case toml::node_type::string:
      return node.as_string()->get();
    case toml::node_type::array:
      return array_value(*node.as_array());
    case toml::node_type::table:
      return OtherValue{"a section"};
    default:
      return OtherValue{"a date or time"};
  }
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& name,
             std::vector<TomlEntry>& entries) {
  for (const auto& [key, node] : table) {
    const std::string part =
        is_bare(key.str()) ? std::string(key.str()) : concat("\"", printable(key.str()), "\"");
    const std::string path = prefix.empty() ? part : concat(prefix, ".", part);
    const auto* inner = node.as_table();
    if (inner != nullptr && !inner->empty()) {
      flatten(*inner, path, name, entries);
      continue;
    }
    const auto where = key.source().begin;
    entries.push_back({path, value_of(node), concat(name, ":", where.line, ":", where.column),
                       where.line, where.column});
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, max_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  if (text.size() > max_bytes) out += "...";
  return out;
}

std::string read_config_text(const std::filesystem::path& file) {
  return io::read_text(file, kMaxConfigBytes);
}

std::vector<TomlEntry> read_toml(std::string_view text, const std::string& name) {
  check_bytes(text, name);
  std::vector<TomlEntry> entries;
  try {
    flatten(toml::parse(text), "", name, entries);
  } catch (const toml::parse_error& error) {
    const auto where = error.source().begin;
    refuse(name, where.line, where.column, printable(error.description(), 400));
  }
  std::sort(entries.begin(), entries.end(), [](const TomlEntry& a, const TomlEntry& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return entries;
}

}  // namespace enas::app
