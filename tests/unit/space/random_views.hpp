// SPDX-License-Identifier: Apache-2.0
// Random spaces and architectures for tests of what must hold for all of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "space/typed_view.hpp"

namespace enas::space {

class RandomSpaces {
 public:
  explicit RandomSpaces(unsigned seed) : engine_(seed) {}

  int below(int end) { return static_cast<int>(engine_() % static_cast<unsigned>(end)); }

  /// Some of the items in any order.
  template <typename Item>
  std::vector<Item> some_of(std::vector<Item> items) {
    std::shuffle(items.begin(), items.end(), engine_);
    items.resize(1 + static_cast<std::size_t>(below(static_cast<int>(items.size()))));
    return items;
  }

  RecurrentSpaceOptions recurrent() {
    const bool is_fixed = below(2) == 1;
    return {.nodes = 2 + below(14),
            .activations = some_of(RecurrentSpaceOptions{}.activations),
            .first_node = is_fixed ? FirstNode::tanh : FirstNode::sampled};
  }
  MacroSpaceOptions macro() {
    return {.layers = 1 + below(14), .operations = some_of(MacroSpaceOptions{}.operations)};
  }
  MicroSpaceOptions micro() {
    return {.nodes = 3 + below(6), .operations = some_of(MicroSpaceOptions{}.operations)};
  }

  Architecture in(const SearchSpace& space) {
    Architecture architecture{
        space.id(), std::vector<std::int32_t>(static_cast<std::size_t>(space.num_tokens()))};
    for (const Decision& decision : space.decisions()) {
      for (int i = 0; i < decision.num_tokens(); ++i) {
        architecture.tokens[static_cast<std::size_t>(decision.token + i)] =
            below(decision.num_values());
      }
    }
    return architecture;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace enas::space
