// SPDX-License-Identifier: Apache-2.0
// For tests that run on several ranks: all ranks run the same tests in the same order. Use ASSERT_*
// only before a test's first collective and EXPECT_* afterwards: an early return on one rank hangs
// the others.
#pragma once

#include "comm/world.hpp"

/// The world that main made; alive as long as tests run.
enas::comm::World& test_world();
