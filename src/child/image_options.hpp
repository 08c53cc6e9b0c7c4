// SPDX-License-Identifier: Apache-2.0
// What the convolutional networks' options and operations have in common.
#pragma once

#include <string_view>

#include "space/operation.hpp"

namespace enas::child {

bool is_pool(space::Operation operation);
bool is_separable(space::Operation operation);
/// 3 or 5; 0 for identity.
int kernel_size(space::Operation operation);

/// Throw ConfigError, naming the key `train.<key>`.
void check_at_least(std::string_view key, int value, int least);
void check_drop(std::string_view key, double value);

}  // namespace enas::child
