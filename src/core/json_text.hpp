// SPDX-License-Identifier: Apache-2.0
// JSON as text, whatever its strings hold.
#pragma once

#include <string>

#include "core/json.hpp"

namespace enas {

/// Bytes that are not UTF-8, as a message may quote them from a user's file, become U+FFFD. Without
/// `indent` all stands on one line.
inline std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace enas
