// SPDX-License-Identifier: Apache-2.0
#include "comm/slot_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace enas::comm {
namespace {

using Range = std::pair<int, int>;

// All nodes by definition: [k 2^j, (k+1) 2^j) cut at num_slots, not empty.
std::set<Range> all_nodes(int num_slots) {
  std::set<Range> nodes;
  for (int width = 1; width < 2 * num_slots; width *= 2) {
    for (int begin = 0; begin < num_slots; begin += width) {
      nodes.insert({begin, std::min(begin + width, num_slots)});
    }
  }
  return nodes;
}

// The sum as a formula, by recursion over the definition.
std::string formula(int begin, int width, int num_slots) {
  if (width == 1) return std::to_string(begin);
  const int middle = begin + width / 2;
  if (middle >= num_slots) return formula(begin, width / 2, num_slots);
  return "(" + formula(begin, width / 2, num_slots) + "+" + formula(middle, width / 2, num_slots) +
         ")";
}

std::string formula(Block node, int num_slots) {
  int width = 1;
  while (width < node.size()) width *= 2;
  return formula(node.begin, width, num_slots);
}

int most_partials(int num_slots) {
  std::size_t most = 0;
  for (int num_ranks = 1; num_ranks <= num_slots; ++num_ranks) {
    for (int rank = 0; rank < num_ranks; ++rank) {
      most = std::max(most, maximal_nodes(block_of(rank, num_ranks, num_slots), num_slots).size());
    }
  }
  return static_cast<int>(most);
}

TEST(BlockOf, CutsAsTheFormulaSays) {
  EXPECT_EQ(block_of(0, 3, 8), (Block{0, 2}));
  EXPECT_EQ(block_of(1, 3, 8), (Block{2, 5}));
  EXPECT_EQ(block_of(2, 3, 8), (Block{5, 8}));
  EXPECT_EQ(block_of(0, 4, 2), (Block{0, 0}));
  EXPECT_EQ(block_of(3, 4, 2), (Block{1, 2}));
}

TEST(BlockOf, DoesNotOverflow) {
  EXPECT_EQ(block_of(99'999, 100'000, 1'000'000), (Block{999'990, 1'000'000}));
}

TEST(BlockOf, RefusesARankOutsideTheJob) {
  EXPECT_THROW(block_of(3, 3, 8), ContractError);
  EXPECT_THROW(block_of(-1, 3, 8), ContractError);
}

TEST(SlotTree, BlocksAreCutIntoMaximalNodes) {
  for (int num_slots = 1; num_slots <= 16; ++num_slots) {
    const auto tree = all_nodes(num_slots);
    for (int num_ranks = 1; num_ranks <= num_slots; ++num_ranks) {
      int next = 0;
      for (int rank = 0; rank < num_ranks; ++rank) {
        const Block block = block_of(rank, num_ranks, num_slots);
        ASSERT_EQ(block.begin, next);
        ASSERT_GE(block.size(), 1);
        for (const Block node : maximal_nodes(block, num_slots)) {
          EXPECT_EQ(node.begin, next);
          EXPECT_TRUE(tree.contains({node.begin, node.end}));
          for (const auto& [begin, end] : tree) {
            const bool wider = begin <= node.begin && node.end <= end && end - begin > node.size();
            EXPECT_FALSE(wider && block.begin <= begin && end <= block.end)
                << "[" << node.begin << ", " << node.end << ") is not maximal: W " << num_slots
                << " P " << num_ranks;
          }
          next = node.end;
        }
        EXPECT_EQ(next, block.end);
      }
      EXPECT_EQ(next, num_slots);
    }
  }
}

TEST(SlotTree, MergesGiveTheSameSumForEveryNumberOfRanks) {
  for (int num_slots = 1; num_slots <= 16; ++num_slots) {
    const std::string expected = formula({0, num_slots}, num_slots);
    for (int num_ranks = 1; num_ranks <= num_slots; ++num_ranks) {
      std::vector<Block> nodes;
      for (int rank = 0; rank < num_ranks; ++rank) {
        for (const Block node : maximal_nodes(block_of(rank, num_ranks, num_slots), num_slots)) {
          nodes.push_back(node);
        }
      }
      std::vector<std::string> sums;
      for (const Block node : nodes) sums.push_back(formula(node, num_slots));
      const auto merges = merges_to_root(nodes, num_slots);
      EXPECT_EQ(merges.size(), nodes.size() - 1);
      for (const auto& [left, right] : merges) {
        sums.at(left) = "(" + sums.at(left) + "+" + std::exchange(sums.at(right), "spent") + ")";
      }
      EXPECT_EQ(sums.front(), expected) << "P " << num_ranks;
    }
  }
}

TEST(SlotTree, SumOfSevenSlotsIsTheOneWrittenDown) {
  EXPECT_EQ(formula({0, 7}, 7), "(((0+1)+(2+3))+((4+5)+6))");
  EXPECT_TRUE(are_siblings({4, 6}, {6, 7}, 7));
  EXPECT_TRUE(are_siblings({0, 4}, {4, 7}, 7));
  EXPECT_FALSE(are_siblings({4, 6}, {6, 7}, 8));
  EXPECT_FALSE(are_siblings({2, 4}, {4, 5}, 5));
  EXPECT_FALSE(are_siblings({1, 2}, {2, 3}, 8));
  EXPECT_FALSE(are_siblings({0, 1}, {2, 3}, 8));
}

TEST(SlotTree, FewPartialsTravel) {
  for (int num_slots = 1; num_slots <= 9; ++num_slots) EXPECT_LE(most_partials(num_slots), 2);
  EXPECT_EQ(most_partials(64), 5);
  for (int num_ranks = 1; num_ranks <= 64; num_ranks *= 2) {
    for (int rank = 0; rank < num_ranks; ++rank) {
      EXPECT_EQ(maximal_nodes(block_of(rank, num_ranks, 64), 64).size(), 1U);
    }
  }
}

TEST(SlotTree, RefusesNodesThatDoNotMakeATree) {
  EXPECT_THROW(merges_to_root({}, 4), ContractError);
  EXPECT_THROW(merges_to_root({{0, 2}}, 4), ContractError);
  EXPECT_THROW(merges_to_root({{0, 1}, {1, 4}}, 4), ContractError);
  EXPECT_THROW(merges_to_root({{2, 4}, {0, 2}}, 4), ContractError);
  EXPECT_THROW(maximal_nodes({0, 5}, 4), ContractError);
}

}  // namespace
}  // namespace enas::comm
