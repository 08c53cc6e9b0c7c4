// SPDX-License-Identifier: Apache-2.0
// Where a search stands, besides ω and the strategy: what a step changes and a checkpoint keeps.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "space/architecture.hpp"

namespace enas::search {

enum class Phase : std::int64_t { weights = 0, controller = 1 };

/// Position in the search. `step` counts weight and controller steps together.
struct Progress {
  std::int64_t step = 0;       ///< steps done
  std::int64_t round = 0;      ///< round that the next step belongs to
  std::int64_t phase = 0;      ///< Phase of the next step
  std::int64_t index = 0;      ///< steps of that phase that are done
  std::int64_t bad_steps = 0;  ///< steps in a row without a finite slot
  std::int64_t rollbacks = 0;  ///< reloads after divergence so far
  double lr_factor = 1.0;      ///< halved at each of them
  double mean_metric = std::numeric_limits<double>::quiet_NaN();  ///< of the last finished round

  bool in_weight_phase() const { return phase == static_cast<std::int64_t>(Phase::weights); }
};

/// The best child so far, by the task's metric at the ends of rounds. None yet without tokens.
struct BestChild {
  double metric = std::numeric_limits<double>::quiet_NaN();
  std::int64_t step = -1;  ///< steps done when it was scored
  std::vector<std::int32_t> tokens;
};

/// The children of a whole weight phase: tokens by slot and step. With shared children one row
/// serves all.
struct PhaseChildren {
  std::int64_t rows = 0;  ///< slots, or 1 when shared
  std::int64_t steps = 0;
  std::int64_t num_tokens = 0;
  std::vector<std::int32_t> tokens;  ///< [rows, steps, num_tokens]

  space::Architecture child(const std::string& space_id, std::int64_t slot,
                            std::int64_t step) const {
    const std::int64_t row = rows == 1 ? 0 : slot;
    const auto begin = tokens.begin() + (row * steps + step) * num_tokens;
    return {space_id, {begin, begin + num_tokens}};
  }
};

struct SearchState {
  Progress progress;
  BestChild best;
  PhaseChildren children;              ///< of the current weight phase; empty in a controller phase
  std::vector<at::Tensor> slot_state;  ///< carried state of this rank's slots, in slot order
};

}  // namespace enas::search
