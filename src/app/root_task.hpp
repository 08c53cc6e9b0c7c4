// SPDX-License-Identifier: Apache-2.0
// The results that a command prints.
#pragma once

#include <string_view>

namespace enas::app {

/// Prints to stdout what the user asked for. Throws SystemError (74) when it cannot be written.
void print_on_root(std::string_view text);

}  // namespace enas::app
