// SPDX-License-Identifier: Apache-2.0
// Environment variables that switch something off for a comparison.
#pragma once

namespace enas::app {

/// False when the variable is "0".
bool is_switched_on(const char* variable);

}  // namespace enas::app
