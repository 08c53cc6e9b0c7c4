// SPDX-License-Identifier: Apache-2.0
// Gradient sums over MPI: a fixed binary tree over slot numbers, cut into one segment a rank.
#pragma once

#include <memory>

#include "comm/gradient_reducer.hpp"
#include "comm/world.hpp"

namespace enas::comm {

/// A slot that does not touch a tensor is skipped in that tensor's tree, never added as zero. A
/// rank sends the partial sums of its maximal complete nodes, segment by segment, to each segment's
/// owner; the owner finishes the tree; an all-gather returns the result. Messages hold only ranges
/// that are present.
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
