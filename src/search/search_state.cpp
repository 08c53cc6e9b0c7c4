// SPDX-License-Identifier: Apache-2.0
#include "search/search_state.hpp"

#include <utility>

namespace enas::search {

namespace {

run::State fields() {
  static SearchState none;
  return checkpoint_state(none, {}, 0, {});
}

}  // namespace

run::State checkpoint_state(SearchState& state, SearchArrays arrays, int num_slots,
                            std::vector<std::int64_t> slot_shape) {
  Progress& progress = state.progress;
  return {{run::ArrayGroup{"/weights", std::move(arrays.weights), true},
           run::ArrayGroup{"/momentum", std::move(arrays.momentum), true},
           run::ArrayGroup{"/strategy", std::move(arrays.strategy), false, true},
           run::SlotStates{num_slots, std::move(slot_shape), &state.slot_state},
           run::Sequence{"/children/tokens", &state.children.tokens, &state.children.shape},
           run::Sequence{"/best/tokens", &state.best.tokens},
           run::Number{"/best", "step", &state.best.step},
           run::Number{"/best", "metric", &state.best.metric},
           run::Number{"/progress", "step", &progress.step},
           run::Number{"/progress", "round", &progress.round},
           run::Number{"/progress", "phase", &progress.phase},
           run::Number{"/progress", "index", &progress.index},
           run::Number{"/progress", "bad_steps", &progress.bad_steps},
           run::Number{"/progress", "rollbacks", &progress.rollbacks},
           run::Number{"/progress", "lr_factor", &progress.lr_factor},
           run::Number{"/progress", "mean_metric", &progress.mean_metric, false}},
          {}};
}

const run::CheckpointKind kSearchCheckpoint = {"enas_hpc checkpoint", 3, fields};

}  // namespace enas::search
