// SPDX-License-Identifier: Apache-2.0
// The JSON type of the program. Keys keep the order in which they were set.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

namespace enas {

using Json = nlohmann::ordered_json;

/// The number, or null when it is infinite or none: JSON cannot hold those.
inline Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

}  // namespace enas
