// SPDX-License-Identifier: Apache-2.0
// Text as Python reads it: what separates words, where lines end, and what is UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace enas {

/// The text in its simplest form: a byte-order mark at the start is left out, every line end (CR,
/// LF or CR LF) is '\n', and every other white-space character is one blank. White space is what
/// Python's str.split() takes for it, in ASCII and beyond (a no-break space, U+3000). Bytes that
/// are not UTF-8 stay as they are.
std::string plain_text(std::string text);

/// Offset of the first byte that is not part of a character in UTF-8; npos where there is none.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace enas
