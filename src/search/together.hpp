// SPDX-License-Identifier: Apache-2.0
// Work that may fail on one rank alone, before a collective in which the others would wait for it.
#pragma once

#include <functional>

#include "comm/world.hpp"

namespace enas::search {

/// Collective. Runs `work`, which must not communicate; when it fails on any rank, every rank
/// throws that failure as ConfigError.
void together(comm::World& world, const std::function<void()>& work);

}  // namespace enas::search
