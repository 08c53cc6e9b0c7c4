// SPDX-License-Identifier: Apache-2.0
// UTF-8 text that people paste: white space beyond ASCII, and pieces of it in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace enas {

/// How many bytes of white space beyond ASCII the text begins with: 0, or those of one character.
/// Characters without width, such as a byte-order mark, count as white space here.
std::size_t wide_space(std::string_view text);

/// The text for a message: at most `most_bytes` of it, then "…". Controls, bytes that are no UTF-8
/// and white space beyond ASCII are written as "\x1b".
std::string visible(std::string_view text, std::size_t most_bytes);

}  // namespace enas
