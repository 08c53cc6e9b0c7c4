// SPDX-License-Identifier: Apache-2.0
// Gradient sums over MPI: a fixed binary tree over slot numbers, cut into one segment a rank.
#pragma once

#include <memory>

#include "comm/gradient_reducer.hpp"
#include "comm/world.hpp"

namespace enas::comm {

/// The bits of the sum do not depend on the number of ranks: slots are added in the order of a tree
/// (slot_tree.hpp). The flat buffer is cut into one segment a rank. Each rank sends its partial
/// sums of a segment to the rank that owns it, the owner adds them, and an all-gather gives the
/// result to all. A slot that does not touch a tensor is left out of that tensor's sum, in the
/// additions and in the messages.
class MpiReducer final : public GradientReducer {
 public:
  MpiReducer(World& world, int num_slots);
  ~MpiReducer() override;

  void begin(const ReductionPlan& plan) override;
  std::span<float> slot_buffer() override;
  void merge_slot(int slot) override;
  std::span<const float> reduce() override;
  ReductionCost last_cost() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace enas::comm
