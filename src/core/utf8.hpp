// SPDX-License-Identifier: Apache-2.0
// UTF-8: its characters, whether bytes are text at all, and text for messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace enas {

struct Character {
  char32_t code = 0;
  std::size_t num_bytes = 0;  ///< 0 where no character starts
};

/// The character that the text begins with, as Unicode defines UTF-8 (table 3-7): nothing cut short
/// or longer than needed, no surrogates, nothing above U+10FFFF.
Character first_character(std::string_view text);

/// Offset of the first byte that is not part of a character; npos where there is none.
std::size_t find_invalid_utf8(std::string_view text);
bool is_utf8(std::string_view text);

/// What Python's str.isspace() says of a character.
bool is_white_space(char32_t code);
/// How many bytes of white space beyond ASCII the text begins with: 0, or those of one character.
/// Characters without width, such as a byte-order mark, count as white space here.
std::size_t wide_space(std::string_view text);

/// The text with bytes that are not UTF-8 written as "\xe9".
std::string with_visible_bytes(std::string_view text);
/// The text for a message: at most `most_bytes` of it, then "…". Controls, bytes that are no UTF-8
/// and white space beyond ASCII are written as "\x1b".
std::string visible(std::string_view text, std::size_t most_bytes);

}  // namespace enas
