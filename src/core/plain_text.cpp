// SPDX-License-Identifier: Apache-2.0
#include "core/plain_text.hpp"

#include <algorithm>
#include <string_view>

#include "core/utf8.hpp"

namespace enas {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Whether the byte is a character that stays as it is: most of ASCII.
bool stays(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte < 0x80) || byte == '\n';
}

}  // namespace

std::string plain_text(std::string text) {
  std::size_t from = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::size_t to = 0;  // never beyond `from`, since nothing becomes longer
  while (from < text.size()) {
    if (stays(text[from])) {
      text[to++] = text[from++];
      continue;
    }
    const Character character = first_character(std::string_view(text).substr(from));
    if (character.code == '\r') {
      from += text.compare(from, 2, "\r\n") == 0 ? 2 : 1;
      text[to++] = '\n';
    } else if (character.num_bytes > 0 && is_white_space(character.code)) {
      text[to++] = ' ';
      from += character.num_bytes;
    } else {
      const std::size_t end = from + std::max<std::size_t>(character.num_bytes, 1);
      while (from < end) text[to++] = text[from++];
    }
  }
  text.resize(to);
  return text;
}

}  // namespace enas
