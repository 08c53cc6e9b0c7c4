// SPDX-License-Identifier: Apache-2.0
// The part of a gradient sum that a rank does alone: its own slots, merged along the slot tree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/gradient_reducer.hpp"
#include "comm/slot_tree.hpp"

namespace enas::comm {

/// Throws ConfigError naming both unless every rank gets a slot.
void check_slots(int num_slots, int num_ranks);

/// Whether a slot of the node touches the tensor.
bool touches(Block node, const UnionTensor& tensor);

/// left += right.
void add(float* left, const float* right, std::int64_t length);

/// Merges a rank's slots like a binary counter into the maximal nodes of its block. Memory is kept
/// from step to step. What GradientReducer asks of begin(), slot_buffer() and merge_slot() is
/// checked here.
class SlotPartials {
 public:
  /// Grows only, so that later steps allocate nothing. What lies beyond the step's length is not
  /// used.
  using Values = std::vector<float>;
  /// The sum of one node of the tree; only the ranges of its tensors mean anything.
  struct Partial {
    Block node;
    Values values;
    std::vector<int> tensors;  ///< of the plan that the node touches, ascending
  };

  SlotPartials(Block own_slots, int num_slots);

  void begin(const ReductionPlan& plan);
  std::span<float> slot_buffer();
  void merge_slot(int slot);
  /// After the last own slot: partials and plan may be read until the next begin().
  void finish();

  const ReductionPlan& plan() const { return *plan_; }
  /// Of the maximal nodes, ascending.
  std::vector<Partial>& all() { return partials_; }
  const std::vector<Partial>& all() const { return partials_; }

  /// Adds what lies right of `left`. An absent operand is skipped, never added as zero.
  void merge(Partial& left, const Partial& right) const;

 private:
  void list_own_tensors();
  Values take_spare();

  const int num_slots_;
  const Block block_;
  const ReductionPlan* plan_ = nullptr;
  bool is_open_ = false;  ///< between begin() and finish()
  int next_slot_ = 0;
  std::vector<std::vector<int>> own_tensors_;  ///< that each own slot touches, ascending
  Values slot_values_;
  std::vector<Partial> partials_;
  std::vector<Values> spare_;
};

/// The first `length` of the values, which grow to hold them.
std::span<float> at_least(SlotPartials::Values& values, std::int64_t length);

}  // namespace enas::comm
