// SPDX-License-Identifier: Apache-2.0
// The weight step: every slot has its own batch, and in a search its own child; one update of all
// weights that they touch (paper, 2.2). The only place where gradients are packed, summed, clipped
// and applied.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/gradient_reducer.hpp"
#include "comm/slot_tree.hpp"
#include "comm/world.hpp"
#include "run/fault.hpp"
#include "run/step_record.hpp"
#include "task/task.hpp"
#include "train/optimizer.hpp"
#include "train/options.hpp"
#include "train/trainee.hpp"

namespace enas::train {

/// What one step did.
struct StepReport {
  std::vector<run::StepRecord> slots;  ///< count = tokens or images
  std::vector<int> touched;            ///< numbers of the weights that moved
  std::int64_t flags = 0;
  int num_finite = 0;           ///< slots whose gradient was finite
  bool sum_overflowed = false;  ///< although theirs were; then nothing moved
  double loss = 0.0;            ///< mean over finite slots; NaN when there is none
  double accuracy = 0.0;        ///< likewise
  double gradient_norm = 0.0;   ///< of the mean gradient over the union, before clipping
  double lr = 0.0;
  double examples_per_s = 0.0;  ///< tokens or images of all slots
  /// Where this rank's time went: batches, the passes over its slots, packing and merging their
  /// gradients, waiting for the others' records, the sum over ranks, the update.
  double data_s = 0.0, forward_s = 0.0, backward_s = 0.0, pack_s = 0.0;
  double wait_s = 0.0, reduce_s = 0.0, update_s = 0.0;

  /// False for a bad step: no slot was finite, or their sum was not.
  bool moved() const { return num_finite > 0 && !sum_overflowed; }
};

class Step {
 public:
  /// All must outlive it.
  Step(comm::World& world, comm::GradientReducer& reducer, const Trainee& trainee, task::Task& task,
       const StepOptions& options, run::FaultInjector& faults);

  /// Collective. Moves weights and running averages, and `carried`, the states of this rank's
  /// slots. The learning rate is the schedule's times `lr_factor`. `flags` are this rank's wishes.
  /// Throws as gather_records() does.
  StepReport run(const task::StepPlace& place, double lr_factor, std::vector<at::Tensor>& carried,
                 std::int64_t flags);

  /// This rank's slots.
  comm::Block own_slots() const { return own_; }
  /// What each of them carries before its first batch.
  std::vector<at::Tensor> initial_states() const;
  /// Velocities named as their weights; empty without momentum.
  std::vector<run::NamedArray> momentum() const { return optimizer_.state(); }

 private:
  void plan_union(const task::StepPlace& place);
  run::StepRecord run_slot(int slot, const task::StepPlace& place, at::Tensor& carried,
                           StepReport& report);
  /// Packs the slot's gradients and statistics into its buffer. False, and zeros, when they are not
  /// finite.
  bool pack_slot(int slot, const nn::Pass& pass, bool finite);
  void summarise(StepReport& report) const;
  /// The norm of the mean gradient; nothing moves when it is not finite.
  double update(std::span<const float> sum, int num_finite, double lr);
  void move_averages(std::span<const float> sum, double mean) const;
  template <typename T>
  std::span<T> part_of(std::span<T> flat, std::size_t tensor) const;

  comm::World& world_;
  comm::GradientReducer& reducer_;
  const Trainee& trainee_;
  task::Task& task_;
  const StepOptions& options_;
  run::FaultInjector& faults_;
  Optimizer optimizer_;
  comm::Block own_;
  comm::ReductionPlan plan_;               ///< of the present step: weights, then averages
  std::int64_t num_gradients_ = 0;         ///< values of the plan's weights
  std::vector<int> union_weights_;         ///< weight number of each tensor of the plan
  std::vector<int> tensor_of_;             ///< a weight's tensor; means nothing outside the union
  std::vector<std::vector<int>> touched_;  ///< weights of each slot
  double slot_norm_ = 0.0;                 ///< square of the norm of what was packed last
};

}  // namespace enas::train
