// SPDX-License-Identifier: Apache-2.0
// The binary tree over slot numbers. Sums that are added in its order do not depend on the number
// of ranks.
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

/// Whether the two are the left and the right half of one node of the tree.
bool are_siblings(Block left, Block right, int num_slots);

/// The maximal tree nodes [k 2^j, (k+1) 2^j) ∩ [0, num_slots) that lie inside `block`, ascending.
/// These are the partial sums that a rank can finish alone.
std::vector<Block> maximal_nodes(Block block, int num_slots);

/// One addition: the right half of a node is added to the left one.
struct Merge {
  int left = 0;   ///< index into `nodes`; holds the sum afterwards
  int right = 0;  ///< index into `nodes`; spent afterwards
};
/// The additions, in order, that make the sum of all slots of the sums of `nodes`: tree nodes,
/// ascending, that together hold each of [0, num_slots) once.
std::vector<Merge> merges_to_root(const std::vector<Block>& nodes, int num_slots);

}  // namespace enas::comm
