// SPDX-License-Identifier: Apache-2.0
// Gradient sums over NCCL, in the memory of the GPUs.
#pragma once

#include <memory>

#include "comm/gradient_reducer.hpp"
#include "comm/world.hpp"

namespace enas::comm {

/// A rank's own slots are merged in host memory along the slot tree, as MpiReducer does; what is
/// left, one flat buffer of the step's union, goes to the device, through one ncclAllReduce and
/// back. A slot that does not touch a tensor contributes nothing, not even to the sign of a zero.
///
/// Bits: equal from run to run for the same number of ranks on the same nodes and
/// NCCL_ALGO=Ring, since NCCL otherwise chooses its order by itself. Another number of ranks gives
/// other bits: unlike MpiReducer this is no tree over slots. On one rank it is that tree, to the
/// bit.
///
/// Collective. bind_device() comes first. `timeout_s` is how long one sum may take; see
/// NcclCommunicator for what happens then. Throws ConfigError alike on every rank.
std::unique_ptr<GradientReducer> make_nccl_reducer(World& world, int num_slots, double timeout_s);

}  // namespace enas::comm
