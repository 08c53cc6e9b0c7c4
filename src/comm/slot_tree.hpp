// SPDX-License-Identifier: Apache-2.0
// The fixed binary tree over slot numbers that makes a sum independent of the number of ranks.
#pragma once

#include <cstdint>
#include <vector>

namespace enas::comm {

/// Half-open range of slots or rollouts.
struct Block {
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
  bool operator==(const Block&) const = default;
};

/// What rank `rank` of `num_ranks` owns of `num_items` slots: floor(r W / P) to floor((r+1) W / P).
Block block_of(int rank, int num_ranks, int num_items);

/// Whether the tree has a node with exactly these halves.
bool are_siblings(Block left, Block right, int num_slots);

/// The maximal tree nodes [k 2^j, (k+1) 2^j) ∩ [0, num_slots) that lie inside `block`, ascending.
/// These are the partial sums that a rank can finish alone.
std::vector<Block> maximal_nodes(Block block, int num_slots);

/// The order in which operands are merged to the root: a left node, a right node. Applying the
/// merges in this order to `nodes` (a partition of [0, num_slots) into tree nodes, ascending) ends
/// in one node.
struct Merge {
  int left = 0;   ///< index into `nodes`; holds the sum afterwards
  int right = 0;  ///< index into `nodes`; spent afterwards
};
std::vector<Merge> merges_to_root(const std::vector<Block>& nodes, int num_slots);

}  // namespace enas::comm
