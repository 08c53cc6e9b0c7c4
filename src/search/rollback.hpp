// SPDX-License-Identifier: Apache-2.0
// When steps stay without a finite gradient: what is said, and when a run gives up.
#pragma once

#include <cstdint>
#include <string>

namespace enas::search {

/// Of a step that moved nothing although `num_finite` slots had finite gradients: their sum is not.
std::string overflow_text(int num_finite);

/// What went wrong, in words. Throws Error (76) after `max_rollbacks` reloads, naming the keys of
/// `section` ("weights" or "train").
std::string divergence(const std::string& section, std::int64_t step, std::int64_t bad_steps,
                       std::int64_t rollbacks, std::int64_t max_rollbacks);

}  // namespace enas::search
