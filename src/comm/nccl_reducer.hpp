// SPDX-License-Identifier: Apache-2.0
// Gradient sums over NCCL, in the memory of the GPUs.
#pragma once

#include <memory>

#include "comm/gradient_reducer.hpp"
#include "comm/world.hpp"

namespace enas::comm {

/// A rank's own slots are added in host memory in the order of the slot tree, as MpiReducer does.
/// Their sum, one flat buffer of the step's union, is copied to the device, summed over the ranks
/// by one ncclAllReduce, and copied back. A slot that does not touch a tensor changes nothing in
/// its sum, not even the sign of a zero.
///
/// Bits: equal from run to run for the same number of ranks on the same nodes and
/// NCCL_ALGO=Ring, since NCCL otherwise chooses its order by itself. Another number of ranks gives
/// other bits, because the order over ranks is NCCL's and not that of the slot tree. One rank alone
/// gives the bits of MpiReducer.
///
/// Collective. bind_device() comes first. `timeout_s` is how long one sum may take; see
/// NcclCommunicator for what happens then. Throws ConfigError alike on every rank.
std::unique_ptr<GradientReducer> make_nccl_reducer(World& world, int num_slots, double timeout_s);

}  // namespace enas::comm
