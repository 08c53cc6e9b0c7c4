// SPDX-License-Identifier: Apache-2.0
// What a weight step costs on many ranks, as a formula: compute by slots, latency by messages,
// bandwidth by bytes (docs/scaling.md).
#pragma once

namespace enas::bench {

/// One rank's way to the others.
struct NetworkConstants {
  double latency_s = 2e-6;    ///< α: of one message
  double bandwidth = 12.5e9;  ///< 1/β: bytes a second that a rank sends
};

/// Which sum over ranks: the tree over slots (comm::MpiReducer), or a ring (NCCL's large messages).
enum class ReductionKind { tree, ring };

/// A weight step on `ranks` ranks.
struct StepShape {
  int ranks = 1;
  int slots = 1;             ///< of all ranks, at least as many as ranks
  double slot_s = 0.0;       ///< seconds of one slot: batch, forward, backward, packing
  double update_s = 0.0;     ///< seconds that no further rank shortens: clipping, update
  double union_bytes = 0.0;  ///< gradients of the weights that any slot's child uses
};

/// Messages that a rank sends one after another, in a tree as in a ring: pieces of partial sums to
/// every other rank, then pieces of the sum.
double messages_of(int ranks);
/// Bytes that the busiest rank sends. Of the tree: when every partial sum has every weight of the
/// union, so never less than what is sent.
double bytes_of(ReductionKind kind, const StepShape& shape);
/// Seconds of the sum over ranks.
double reduction_seconds(ReductionKind kind, const StepShape& shape,
                         const NetworkConstants& network);
/// Seconds of the step: the rank with the most slots, then the sum, then the update.
double step_seconds(ReductionKind kind, const StepShape& shape, const NetworkConstants& network);

}  // namespace enas::bench
