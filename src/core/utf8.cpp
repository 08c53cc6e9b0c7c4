// SPDX-License-Identifier: Apache-2.0
#include "core/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace enas {
namespace {

/// How many bytes the letter at the start of `bytes` has; 0 when there is none.
std::size_t letter_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  std::uint32_t letter = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    letter = (letter << 6) | (byte(i) & 0x3fU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = letter >= 0xd800 && letter <= 0xdfff;
  return letter < kLeast[length] || letter > 0x10ffff || is_surrogate ? 0 : length;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = letter_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string with_visible_bytes(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = letter_length(bytes);
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
    }
    text += bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

}  // namespace enas
