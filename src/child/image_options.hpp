// SPDX-License-Identifier: Apache-2.0
// What the convolutional networks' options have in common.
#pragma once

#include <string_view>

namespace enas::child {

/// Throw ConfigError, naming the key `train.<key>`.
void check_at_least(std::string_view key, int value, int least);
void check_drop(std::string_view key, double value);

}  // namespace enas::child
