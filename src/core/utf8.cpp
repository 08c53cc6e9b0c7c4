// SPDX-License-Identifier: Apache-2.0
#include "core/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace enas {
namespace {

bool is_wide_space(char32_t code) {
  constexpr char32_t kZeroWidthSpace = 0x200B;
  constexpr char32_t kByteOrderMark = 0xFEFF;
  return (code >= 0x80 && is_white_space(code)) || code == kZeroWidthSpace ||
         code == kByteOrderMark;
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

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (text.empty()) return {};
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t num_bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < num_bytes) return {};
  char32_t code = lead & (0x7FU >> num_bytes);
  for (std::size_t i = 1; i < num_bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0x80, 0x800, 0x10000};  // of 2, 3 and 4 bytes
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[num_bytes - 2] || code > 0x10FFFF || is_surrogate) return {};
  return {code, num_bytes};
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof(eight)) {
      std::memcpy(&eight, text.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080U) == 0) {  // all ASCII
        at += sizeof(eight);
        continue;
      }
    }
    const std::size_t num_bytes = first_character(text.substr(at)).num_bytes;
    if (num_bytes == 0) return at;
    at += num_bytes;
  }
  return std::string_view::npos;
}

bool is_utf8(std::string_view text) { return find_invalid_utf8(text) == std::string_view::npos; }

bool is_white_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

std::size_t wide_space(std::string_view text) {
  const Character first = first_character(text);
  return is_wide_space(first.code) ? first.num_bytes : 0;
}

std::string with_visible_bytes(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t num_bytes = first_character(text).num_bytes;
    shown += num_bytes == 0 ? escaped(text.substr(0, 1)) : std::string(text.substr(0, num_bytes));
    text.remove_prefix(std::max<std::size_t>(num_bytes, 1));
  }
  return shown;
}

std::string visible(std::string_view text, std::size_t most_bytes) {
  std::string shown;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character next = first_character(text.substr(at));
    const std::size_t num_bytes = std::max<std::size_t>(next.num_bytes, 1);
    if (at + num_bytes > most_bytes) return shown + "…";
    const std::string_view bytes = text.substr(at, num_bytes);
    const bool is_control = next.code < 0x20 || (next.code >= 0x7F && next.code < 0xA0);
    const bool is_plain = next.num_bytes > 0 && !is_control && !is_wide_space(next.code);
    shown += is_plain ? std::string(bytes) : escaped(bytes);
    at += num_bytes;
  }
  return shown;
}

}  // namespace enas
