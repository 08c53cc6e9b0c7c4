// SPDX-License-Identifier: Apache-2.0
#include "bench/scaling_model.hpp"

#include <algorithm>

#include "comm/slot_tree.hpp"
#include "core/error.hpp"

namespace enas::bench {

namespace {

/// Most partial sums that a rank cannot merge by itself.
int most_nodes(int ranks, int slots) {
  std::size_t most = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    most = std::max(most, comm::maximal_nodes(comm::block_of(rank, ranks, slots), slots).size());
  }
  return static_cast<int>(most);
}

}  // namespace

double messages_of(int ranks) { return 2.0 * (ranks - 1); }

double bytes_of(ReductionKind kind, const StepShape& shape) {
  expect(shape.ranks >= 1 && shape.slots >= shape.ranks, "every rank has a slot");
  const double others = (shape.ranks - 1.0) / shape.ranks;
  const int nodes = kind == ReductionKind::ring ? 1 : most_nodes(shape.ranks, shape.slots);
  return (nodes + 1) * others * shape.union_bytes;
}

double reduction_seconds(ReductionKind kind, const StepShape& shape,
                         const NetworkConstants& network) {
  return messages_of(shape.ranks) * network.latency_s + bytes_of(kind, shape) / network.bandwidth;
}

double step_seconds(ReductionKind kind, const StepShape& shape, const NetworkConstants& network) {
  const int most_slots = (shape.slots + shape.ranks - 1) / shape.ranks;
  return most_slots * shape.slot_s + reduction_seconds(kind, shape, network) + shape.update_s;
}

}  // namespace enas::bench
