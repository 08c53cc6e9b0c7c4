// SPDX-License-Identifier: Apache-2.0
// The sum of the slots' gradients over all ranks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace enas::comm {

/// One weight tensor of a step's union: its place in the flat buffer and the slots whose children
/// use it.
struct UnionTensor {
  std::int64_t offset = 0;  ///< in values; tensors lie back to back, ascending
  std::int64_t length = 0;
  std::vector<int> slots;  ///< ascending, not empty
};

/// The layout of one step's flat gradient buffer; equal on every rank.
struct ReductionPlan {
  int num_slots = 0;
  std::vector<UnionTensor> tensors;
  std::int64_t total() const {
    return tensors.empty() ? 0 : tensors.back().offset + tensors.back().length;
  }
};

/// What the last reduce() cost on this rank.
struct ReductionCost {
  double seconds = 0;
  std::int64_t bytes_sent = 0;  ///< with NCCL, which does not tell it: what a ring would send
};

/// Sums one flat buffer over slots and ranks. Use, for each step:
/// begin(plan); for each own slot ascending: fill slot_buffer(), merge_slot(slot); reduce().
/// All buffers that the caller sees are in host memory. Every rank gets the same bits. Whether they
/// depend on the number of ranks is said by each implementation.
class GradientReducer {
 public:
  virtual ~GradientReducer() = default;

  /// Starts a step. `plan` must stay alive until reduce() returns.
  virtual void begin(const ReductionPlan& plan) = 0;
  /// Buffer of plan.total() values for the next own slot. Only the ranges of tensors that the slot
  /// touches need to be written; the rest is never read.
  virtual std::span<float> slot_buffer() = 0;
  /// Takes the buffer just filled as this slot's gradient and adds it to sums of own slots.
  virtual void merge_slot(int slot) = 0;
  /// Collective. The sum over all slots, in plan order. Valid until the next begin().
  virtual std::span<const float> reduce() = 0;
  virtual ReductionCost last_cost() const = 0;
};

}  // namespace enas::comm
