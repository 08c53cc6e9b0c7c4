// SPDX-License-Identifier: Apache-2.0
// Whether bytes are text.
#pragma once

#include <string>
#include <string_view>

namespace enas {

/// UTF-8 as Unicode defines it: no byte that starts nothing, nothing cut short or longer than
/// needed, no surrogates.
bool is_utf8(std::string_view bytes);

/// `bytes` with those that are not UTF-8 written as "\xe9".
std::string with_visible_bytes(std::string_view bytes);

}  // namespace enas
