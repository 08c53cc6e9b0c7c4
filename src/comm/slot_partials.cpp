// SPDX-License-Identifier: Apache-2.0
#include "comm/slot_partials.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

void check_plan(const ReductionPlan& plan, int num_slots) {
  expect(plan.num_slots == num_slots, "the plan and the reducer have the same number of slots");
  std::int64_t end = 0;
  for (const UnionTensor& tensor : plan.tensors) {
    expect(tensor.offset == end && tensor.length >= 0, "the plan's tensors lie back to back");
    expect(!tensor.slots.empty() && tensor.slots.front() >= 0 && tensor.slots.back() < num_slots &&
               std::is_sorted(tensor.slots.begin(), tensor.slots.end()),
           "a tensor's slots are ascending, not empty and inside [0, num_slots)");
    end += tensor.length;
  }
}

}  // namespace

void check_slots(int num_slots, int num_ranks) {
  if (num_slots >= num_ranks) return;
  throw ConfigError(concat("there are ", num_slots, " slots, but the job has ", num_ranks,
                           " ranks: every rank needs a slot. Start at most ", num_slots,
                           " ranks or raise weights.slots, of a training train.slots"));
}

bool touches(Block node, const UnionTensor& tensor) {
  const auto slot = std::lower_bound(tensor.slots.begin(), tensor.slots.end(), node.begin);
  return slot != tensor.slots.end() && *slot < node.end;
}

void add(float* left, const float* right, std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) left[i] += right[i];
}

std::span<float> at_least(SlotPartials::Values& values, std::int64_t length) {
  if (static_cast<std::int64_t>(values.size()) < length) values.resize(length);
  return std::span(values).first(length);
}

SlotPartials::SlotPartials(Block own_slots, int num_slots)
    : num_slots_(num_slots), block_(own_slots) {}

SlotPartials::Values SlotPartials::take_spare() {
  if (spare_.empty()) return {};
  Values values = std::move(spare_.back());
  spare_.pop_back();
  return values;
}

void SlotPartials::list_own_tensors() {
  own_tensors_.resize(static_cast<std::size_t>(block_.size()));
  for (auto& tensors : own_tensors_) tensors.clear();
  for (std::size_t i = 0; i < plan_->tensors.size(); ++i) {
    const auto& slots = plan_->tensors[i].slots;
    for (auto slot = std::lower_bound(slots.begin(), slots.end(), block_.begin);
         slot != slots.end() && *slot < block_.end; ++slot) {
      own_tensors_[static_cast<std::size_t>(*slot - block_.begin)].push_back(static_cast<int>(i));
    }
  }
}

// A tensor that one half does not touch is not added as zeros: -0 + 0 is +0.
void SlotPartials::merge(Partial& left, const Partial& right) const {
  auto in_left = left.tensors.begin();
  for (const int number : right.tensors) {
    const UnionTensor& tensor = plan_->tensors[static_cast<std::size_t>(number)];
    float* const to = left.values.data() + tensor.offset;
    const float* const from = right.values.data() + tensor.offset;
    in_left = std::lower_bound(in_left, left.tensors.end(), number);
    if (in_left != left.tensors.end() && *in_left == number) {
      add(to, from, tensor.length);
    } else {
      std::copy_n(from, tensor.length, to);
    }
  }
  std::vector<int> both;
  std::set_union(left.tensors.begin(), left.tensors.end(), right.tensors.begin(),
                 right.tensors.end(), std::back_inserter(both));
  left.tensors = std::move(both);
  left.node.end = right.node.end;
}

void SlotPartials::begin(const ReductionPlan& plan) {
  check_plan(plan, num_slots_);
  plan_ = &plan;
  is_open_ = true;
  next_slot_ = block_.begin;
  list_own_tensors();
  for (auto& partial : partials_) spare_.push_back(std::move(partial.values));
  partials_.clear();
}

std::span<float> SlotPartials::slot_buffer() {
  expect(is_open_, "begin() comes before slot_buffer()");
  return at_least(slot_values_, plan_->total());
}

void SlotPartials::merge_slot(int slot) {
  expect(is_open_ && slot == next_slot_ && slot < block_.end,
         "merge_slot() gets the rank's own slots one by one, ascending");
  slot_buffer();
  Partial partial{{slot, slot + 1},
                  std::exchange(slot_values_, take_spare()),
                  std::move(own_tensors_[static_cast<std::size_t>(slot - block_.begin)])};
  while (!partials_.empty() && are_siblings(partials_.back().node, partial.node, num_slots_)) {
    merge(partials_.back(), partial);
    spare_.push_back(std::move(partial.values));
    partial = std::move(partials_.back());
    partials_.pop_back();
  }
  partials_.push_back(std::move(partial));
  ++next_slot_;
}

void SlotPartials::finish() {
  expect(is_open_ && next_slot_ == block_.end,
         "reduce() comes after merge_slot() of every own slot");
  is_open_ = false;
}

}  // namespace enas::comm
