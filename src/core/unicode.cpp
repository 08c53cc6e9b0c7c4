// SPDX-License-Identifier: Apache-2.0
#include "core/unicode.hpp"

#include <algorithm>
#include <cstdint>

namespace enas {
namespace {

/// The bytes of the character that the text begins with, and its code point; no bytes where it
/// begins with no UTF-8.
struct Character {
  std::size_t num_bytes = 0;
  std::uint32_t code = 0;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return {};
  if (byte(0) < 0x80) return {1, byte(0)};
  const std::size_t num_bytes = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < num_bytes) return {};
  std::uint32_t code = byte(0) & (0xffU >> (num_bytes + 1));
  for (std::size_t i = 1; i < num_bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  constexpr std::uint32_t kSmallest[] = {0x80, 0x800, 0x10000};  // of 2, 3 and 4 bytes
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[num_bytes - 2] || code > 0x10ffff || is_surrogate) return {};
  return {num_bytes, code};
}

bool is_wide_space(std::uint32_t code) {
  switch (code) {
    case 0x0085:  // next line
    case 0x00a0:  // no-break space
    case 0x1680:  // Ogham space
    case 0x2028:  // line separator
    case 0x2029:  // paragraph separator
    case 0x202f:  // narrow no-break space
    case 0x205f:  // mathematical space
    case 0x3000:  // ideographic space
    case 0xfeff:  // byte-order mark
      return true;
    default:
      return code >= 0x2000 && code <= 0x200b;  // en quad to zero-width space
  }
}

std::string escaped(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return text;
}

}  // namespace

std::size_t wide_space(std::string_view text) {
  const Character first = first_character(text);
  return first.num_bytes > 0 && is_wide_space(first.code) ? first.num_bytes : 0;
}

std::string visible(std::string_view text, std::size_t most_bytes) {
  std::string shown;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character next = first_character(text.substr(at));
    const std::size_t num_bytes = std::max<std::size_t>(next.num_bytes, 1);
    if (at + num_bytes > most_bytes) return shown + "…";
    const std::string_view bytes = text.substr(at, num_bytes);
    const bool is_control = next.code < 0x20 || (next.code >= 0x7f && next.code < 0xa0);
    const bool is_plain = next.num_bytes > 0 && !is_control && !is_wide_space(next.code);
    shown += is_plain ? std::string(bytes) : escaped(bytes);
    at += num_bytes;
  }
  return shown;
}

}  // namespace enas
