// SPDX-License-Identifier: Apache-2.0
// Keys that are fine each by itself but must fit together.
#pragma once

#include <string>
#include <vector>

#include "app/config/key.hpp"

namespace enas::app {

/// One line for every contradiction, naming all keys that take part in it.
std::vector<std::string> problems_together(const Settings& settings);

}  // namespace enas::app
