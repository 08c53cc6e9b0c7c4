// SPDX-License-Identifier: Apache-2.0
// Nodes of the slot tree are found from the bits of slot numbers.
#include "comm/slot_tree.hpp"

#include <bit>

#include "core/error.hpp"

namespace enas::comm {

Block block_of(int rank, int num_ranks, int num_items) {
  expect(num_ranks > 0 && 0 <= rank && rank < num_ranks && num_items >= 0,
         "block_of needs 0 <= rank < num_ranks and num_items >= 0");
  const auto edge = [&](std::int64_t r) { return static_cast<int>(r * num_items / num_ranks); };
  return {edge(rank), edge(rank + std::int64_t{1})};
}

bool are_siblings(Block left, Block right, int num_slots) {
  if (left.end != right.begin || left.size() <= 0 || right.size() <= 0) return false;
  // The narrowest node that could hold both. Its right half is not empty; wider nodes with the same
  // range have an empty right half and are this node again.
  const std::int64_t width = std::bit_ceil(static_cast<std::uint32_t>(right.end - left.begin));
  const std::int64_t end = left.begin + width;
  return left.begin % width == 0 &&
         (right.end == end || (right.end == num_slots && end > right.end)) &&
         right.begin == left.begin + width / 2;
}

std::vector<Block> maximal_nodes(Block block, int num_slots) {
  expect(0 <= block.begin && block.begin <= block.end && block.end <= num_slots,
         "maximal_nodes needs a block inside [0, num_slots)");
  std::vector<Block> nodes;
  for (int slot = block.begin; slot < block.end; ++slot) {
    Block node{slot, slot + 1};
    while (!nodes.empty() && are_siblings(nodes.back(), node, num_slots)) {
      node.begin = nodes.back().begin;
      nodes.pop_back();
    }
    nodes.push_back(node);
  }
  return nodes;
}

std::vector<Merge> merges_to_root(const std::vector<Block>& nodes, int num_slots) {
  struct Open {
    Block node;
    int index;
  };
  std::vector<Open> open;
  std::vector<Merge> merges;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Open top{nodes[i], static_cast<int>(i)};
    while (!open.empty() && are_siblings(open.back().node, top.node, num_slots)) {
      merges.push_back({open.back().index, top.index});
      top = {{open.back().node.begin, top.node.end}, open.back().index};
      open.pop_back();
    }
    open.push_back(top);
  }
  expect(open.size() == 1 && open.front().node == Block{0, num_slots},
         "merges_to_root needs tree nodes that cover every slot once, ascending");
  return merges;
}

}  // namespace enas::comm
