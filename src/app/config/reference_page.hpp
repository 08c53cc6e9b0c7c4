// SPDX-License-Identifier: Apache-2.0
// The page docs/config.md, made from the schema and the presets.
#pragma once

#include <string>

namespace enas::app {

std::string reference_markdown();

}  // namespace enas::app
