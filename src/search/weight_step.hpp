// SPDX-License-Identifier: Apache-2.0
// One step on ω: every slot trains its own child on its own batch; one update of the union
// (paper, 2.2).
#pragma once

#include <vector>

#include "comm/gradient_reducer.hpp"
#include "comm/slot_tree.hpp"
#include "comm/world.hpp"
#include "run/fault.hpp"
#include "run/step_record.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"
#include "search/weight_optimizer.hpp"
#include "supernet/supernet.hpp"

namespace enas::search {

/// What one weight step did.
struct WeightStepReport {
  std::vector<run::StepRecord> slots;         ///< count = tokens or images
  std::vector<space::Architecture> children;  ///< one a slot
  std::vector<int> touched;                   ///< numbers of the weights that moved
  std::int64_t flags = 0;
  int num_finite = 0;           ///< slots whose gradient was finite
  bool sum_overflowed = false;  ///< although theirs were; then nothing moved
  double loss = 0.0;            ///< mean over finite slots; NaN when there is none
  double metric = 0.0;          ///< of that loss and of the mean accuracy
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

class WeightStep {
 public:
  WeightStep(comm::World& world, comm::GradientReducer& reducer, const supernet::Supernet& supernet,
             WeightOptimizer& optimizer, Task& task, const Settings& settings,
             run::FaultInjector& faults);

  /// Collective. Moves ω and the carried states of `state`; position and bookkeeping stay the
  /// loop's. `flags` are this rank's wishes.
  WeightStepReport run(SearchState& state, std::int64_t flags);

  /// This rank's slots.
  comm::Block own_slots() const { return own_; }

 private:
  void plan_union(const std::vector<space::Architecture>& children);
  run::StepRecord run_slot(int slot, const space::Architecture& child, const StepPlace& place,
                           at::Tensor& carried, WeightStepReport& report);
  /// Packs the slot's gradients into its buffer. False, and zeros, when they are not finite.
  bool pack_slot(const std::vector<int>& touched, const std::vector<at::Tensor>& gradients,
                 bool finite);
  /// The norm of the mean gradient; nothing moves when it is not finite.
  double update(std::span<const float> sum, int num_finite, double lr);
  void summarise(WeightStepReport& report) const;

  comm::World& world_;
  comm::GradientReducer& reducer_;
  const supernet::Supernet& supernet_;
  WeightOptimizer& optimizer_;
  Task& task_;
  const Settings& settings_;
  run::FaultInjector& faults_;
  comm::Block own_;
  comm::ReductionPlan plan_;               ///< of the present step
  std::vector<int> union_weights_;         ///< weight number of each tensor of the plan
  std::vector<int> tensor_of_;             ///< a weight's tensor; means nothing outside the union
  std::vector<std::vector<int>> touched_;  ///< weights of each slot's child
  double slot_norm_ = 0.0;                 ///< square of the norm that was packed last
};

}  // namespace enas::search
