// SPDX-License-Identifier: Apache-2.0
// One architecture that was tried, and how it did.
#pragma once

#include "space/architecture.hpp"

namespace enas::space {

/// A child that scores badly or not at all is a status, never an exception.
enum class RolloutStatus : std::int32_t { ok = 0, not_finite = 1 };

struct Rollout {
  Architecture architecture;
  double loss = 0.0;    ///< nats per token or image
  double metric = 0.0;  ///< what children are compared by: perplexity, or accuracy in [0, 1]
  RolloutStatus status = RolloutStatus::ok;
};

}  // namespace enas::space
