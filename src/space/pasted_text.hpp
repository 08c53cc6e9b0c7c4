// SPDX-License-Identifier: Apache-2.0
// Text as people paste it, made fit for the readers of architectures.
#pragma once

#include <string>
#include <string_view>

namespace enas::space {

/// The text with a blank in the place of every white space beyond ASCII, and without a byte-order
/// mark. Throws InputError naming `file` when the text is UTF-16.
std::string with_plain_blanks(std::string_view text, std::string_view file);

/// The same for JSON, where blanks inside of strings stay as they are.
std::string json_with_plain_blanks(std::string_view text, std::string_view file);

}  // namespace enas::space
