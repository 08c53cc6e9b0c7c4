// SPDX-License-Identifier: Apache-2.0
// Named sets of defaults: the paper's, and those of the authors' released code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config/key.hpp"

namespace enas::app {

/// "default", "paper" and "released", in this order.
const std::vector<std::string>& preset_names();

/// What the preset is for this kind of space, one line.
std::string_view preset_help(std::string_view preset, Scope kind);

/// The settings before a configuration's own keys. `preset` must be one of preset_names().
Settings preset_settings(std::string_view preset, Scope kind);

}  // namespace enas::app
