// SPDX-License-Identifier: Apache-2.0
// What the checkpoint of a search holds, and the way in and out of its HDF5 image. Nothing in it is
// indexed by rank.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "io/hdf5_image.hpp"
#include "search/checkpoint_reader.hpp"
#include "search/named_array.hpp"
#include "search/run_identity.hpp"
#include "search/search_state.hpp"

namespace enas::search {

inline const CheckpointKind kSearchCheckpoint = {"enas_hpc checkpoint", 3};

/// The state to be saved or to be overwritten. `slot_state` is every slot's carried state, in slot
/// order.
struct CheckpointView {
  std::vector<NamedArray> weights;
  std::vector<NamedArray> momentum;  ///< named as the weights; empty without momentum
  std::vector<NamedArray> strategy;
  Progress& progress;
  BestChild& best;
  PhaseChildren& children;
  std::vector<float>& slot_state;
  std::vector<std::int64_t> slot_state_shape;  ///< [W, …]
};

/// The image of a checkpoint. Rank 0.
io::Image checkpoint_image(const RunIdentity& identity, const CheckpointView& view);

/// Sees what was read, with the weights and their momentum still as they were; throws InputError to
/// refuse it.
using Accept = std::function<void(const CheckpointView&)>;
/// Overwrites `view` after names, shapes, types, digests and finiteness of everything were checked
/// and `accept` returned. Throws InputError, and then has changed nothing.
void read_search(const CheckpointReader& reader, CheckpointView& view, const Accept& accept = {});
/// The shared weights and the strategy's state, to look at a search from outside.
void read_model(const CheckpointReader& reader, const std::vector<NamedArray>& weights,
                const std::vector<NamedArray>& strategy);
/// The strategy's state alone.
void read_strategy(const CheckpointReader& reader, const std::vector<NamedArray>& strategy);

}  // namespace enas::search
