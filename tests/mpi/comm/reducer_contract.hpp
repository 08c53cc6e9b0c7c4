// SPDX-License-Identifier: Apache-2.0
// The fixture of what every GradientReducer owes. A reducer's own test file instantiates it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "comm/slot_tree.hpp"
#include "mpi/comm/reduction_step.hpp"
#include "support/mpi_main.hpp"

namespace enas::comm {

/// Of the sum over ranks.
enum class Order {
  tree,  ///< the tree over slots: the same bits for every number of ranks
  any,   ///< the tree on one rank alone; the same bits where every order gives the same
};

struct Kind {
  std::string name;
  Order order;
  std::function<std::unique_ptr<GradientReducer>(World&, int num_slots)> make;
};

inline void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class ReducerContract : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<GradientReducer> make(int num_slots) {
    return GetParam().make(world_, num_slots);
  }
  /// Values of the step's tensors on which the reducer must give the tree sum.
  Step draw(int num_slots, const std::vector<std::int64_t>& lengths, std::uint64_t seed,
            double share_of_slots) {
    const bool is_tree = GetParam().order == Order::tree || world_.size() == 1;
    return draw_step(num_slots, lengths, seed, share_of_slots,
                     is_tree ? Values::wide : Values::exact);
  }
  std::span<const float> reduce(GradientReducer& reducer, const Step& step) {
    reducer.begin(step.plan);
    const Block own = block_of(world_.rank(), world_.size(), step.plan.num_slots);
    for (int slot = own.begin; slot < own.end; ++slot) {
      std::copy(step.gradients[slot].begin(), step.gradients[slot].end(),
                reducer.slot_buffer().begin());
      reducer.merge_slot(slot);
    }
    return reducer.reduce();
  }
  void expect_tree_sum(GradientReducer& reducer, const Step& step, std::string_view what) {
    const auto sum = reduce(reducer, step);
    EXPECT_EQ(num_different_bits(sum, expected_sum(step)), 0U)
        << what << ": " << step.plan.num_slots << " slots, " << world_.size() << " ranks";
  }

  World& world_ = test_world();
};

}  // namespace enas::comm
