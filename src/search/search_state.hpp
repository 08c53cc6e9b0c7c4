// SPDX-License-Identifier: Apache-2.0
// Where a search stands, besides the weights and the strategy: what a step changes and a checkpoint
// keeps.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "run/checkpoint_file.hpp"
#include "run/job.hpp"
#include "run/state.hpp"
#include "space/architecture.hpp"

namespace enas::search {

/// The phases of a round, as checkpoints number them.
inline constexpr std::int64_t kWeightPhase = 0;
inline constexpr std::int64_t kControllerPhase = 1;

/// Position in the search. `step` counts weight and controller steps together.
struct Progress : run::Position {
  std::int64_t round = 0;  ///< round that the next step belongs to
  std::int64_t phase = 0;  ///< phase of the next step
  std::int64_t index = 0;  ///< steps of that phase that are done
  double mean_metric = std::numeric_limits<double>::quiet_NaN();  ///< of the last finished round

  bool in_weight_phase() const { return phase == kWeightPhase; }
};

/// The best child so far, by the task's metric at the ends of rounds. None yet without tokens.
struct BestChild {
  double metric = std::numeric_limits<double>::quiet_NaN();
  std::int64_t step = -1;  ///< steps done when it was scored
  std::vector<std::int32_t> tokens;
};

/// The children of a whole weight phase. With shared children one row serves all slots.
struct PhaseChildren {
  std::vector<std::int64_t> shape = {0, 0, 0};  ///< rows (slots, or 1 when shared), steps, tokens
  std::vector<std::int32_t> tokens;             ///< of that shape

  space::Architecture child(const std::string& space_id, std::int64_t slot,
                            std::int64_t step) const {
    const std::int64_t row = shape[0] == 1 ? 0 : slot;
    const auto begin = tokens.begin() + (row * shape[1] + step) * shape[2];
    return {space_id, {begin, begin + shape[2]}};
  }
  /// Of one step, one a slot.
  std::vector<space::Architecture> at(const std::string& space_id, int num_slots,
                                      std::int64_t step) const {
    std::vector<space::Architecture> children;
    for (int slot = 0; slot < num_slots; ++slot) children.push_back(child(space_id, slot, step));
    return children;
  }
};

struct SearchState {
  Progress progress;
  BestChild best;
  PhaseChildren children;              ///< of the current weight phase; empty in a controller phase
  std::vector<at::Tensor> slot_state;  ///< carried state of this rank's slots, in slot order
};

/// The arrays that a search's checkpoints keep.
struct SearchArrays {
  std::vector<run::NamedArray> weights;
  std::vector<run::NamedArray> momentum;  ///< named as the weights; empty without momentum
  std::vector<run::NamedArray> strategy;
};

/// All that a search's checkpoints keep. `slot_shape` is that of one slot's carried state.
run::State checkpoint_state(SearchState& state, SearchArrays arrays, int num_slots,
                            std::vector<std::int64_t> slot_shape);

/// The checkpoints of a search.
extern const run::CheckpointKind kSearchCheckpoint;

}  // namespace enas::search
