// SPDX-License-Identifier: Apache-2.0
// The JSON type of the program. Keys keep the order in which they were set.
#pragma once

#include <nlohmann/json.hpp>

namespace enas {
using Json = nlohmann::ordered_json;
}
