// SPDX-License-Identifier: Apache-2.0
// Work that only rank 0 does, without leaving the others waiting when it fails.
#pragma once

#include <functional>
#include <string_view>

#include "comm/world.hpp"

namespace enas::app {

/// Collective. Runs `task`, which must not communicate, on rank 0. When it throws, every rank
/// throws ConfigError with the same message and code.
void run_on_root(comm::World& world, const std::function<void()>& task);

/// Prints to stdout what the user asked for. Throws SystemError (74) when it cannot be written.
void print_on_root(std::string_view text);

}  // namespace enas::app
