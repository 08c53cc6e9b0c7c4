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

/// Adds the slots of one rank into the sums of the largest tree nodes that the rank has all slots
/// of. Two sums are added as soon as they are the halves of a node, so few are kept at a time.
/// Memory is kept from step to step. Throws ContractError when begin(), slot_buffer() and
/// merge_slot() are called in another order than GradientReducer asks for.
class SlotPartials {
 public:
  /// Never made shorter, so that later steps allocate nothing. Values beyond the length of the step
  /// have no meaning.
  using Values = std::vector<float>;
  /// The sum of one node of the tree. Only the ranges of the tensors that it touches have a
  /// meaning.
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

  /// Adds the right half of a node to the left one. A tensor that only one half touches is taken
  /// from it as it is.
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
