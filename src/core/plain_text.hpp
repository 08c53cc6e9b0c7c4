// SPDX-License-Identifier: Apache-2.0
// Text as Python reads it: what separates words and where lines end.
#pragma once

#include <string>

namespace enas {

/// The text in its simplest form: a byte-order mark at the start is left out, every line end (CR,
/// LF or CR LF) is '\n', and every other white-space character is one blank. White space is what
/// Python's str.split() takes for it, in ASCII and beyond (a no-break space, U+3000). Bytes that
/// are not UTF-8 stay as they are.
std::string plain_text(std::string text);

}  // namespace enas
