// SPDX-License-Identifier: Apache-2.0
// Decodes UTF-8 character by character; runs of ASCII are passed over quickly.
#include "core/plain_text.hpp"

#include <cstdint>
#include <cstring>

namespace enas {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  ///< bytes; 0 where no character in UTF-8 starts
};

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

/// The character that starts at `at`, by table 3-7 of the Unicode standard: no longer form than
/// needed, no surrogates, nothing above U+10FFFF.
Character character_at(std::string_view text, std::size_t at) {
  const std::uint8_t lead = byte_at(text, at);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() - at < length) return {};
  char32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint8_t next = byte_at(text, at + i);
    if ((next & 0xC0U) != 0x80U) return {};
    code = code << 6U | (next & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

/// What Python's str.isspace() says.
bool is_white_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/// Whether the byte is a character that stays as it is: most of ASCII.
bool stays(std::uint8_t byte) { return (byte >= 0x20 && byte < 0x80) || byte == '\n'; }

}  // namespace

std::string plain_text(std::string text) {
  std::size_t from = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::size_t to = 0;  // never ahead of `from`: nothing becomes longer
  while (from < text.size()) {
    if (stays(byte_at(text, from))) {
      text[to++] = text[from++];
      continue;
    }
    const Character character = character_at(text, from);
    if (character.code == '\r') {
      from += text.compare(from, 2, "\r\n") == 0 ? 2 : 1;
      text[to++] = '\n';
    } else if (character.length > 0 && is_white_space(character.code)) {
      text[to++] = ' ';
      from += character.length;
    } else {
      const std::size_t end = from + (character.length > 0 ? character.length : 1);
      while (from < end) text[to++] = text[from++];
    }
  }
  text.resize(to);
  return text;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof(eight)) {
      std::memcpy(&eight, text.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080U) == 0) {
        at += sizeof(eight);
        continue;
      }
    }
    const Character character = character_at(text, at);
    if (character.length == 0) return at;
    at += character.length;
  }
  return std::string_view::npos;
}

}  // namespace enas
