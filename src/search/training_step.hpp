// SPDX-License-Identifier: Apache-2.0
// One step of training one architecture: every slot has its own batch, one update of all weights.
#pragma once

#include <vector>

#include "child/network.hpp"
#include "comm/gradient_reducer.hpp"
#include "comm/slot_tree.hpp"
#include "comm/world.hpp"
#include "run/fault.hpp"
#include "run/step_record.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"
#include "search/training_state.hpp"
#include "search/weight_optimizer.hpp"

namespace enas::search {

struct TrainingStepReport {
  std::vector<run::StepRecord> slots;
  std::int64_t flags = 0;
  int num_finite = 0;           ///< slots whose gradient was finite
  bool sum_overflowed = false;  ///< although theirs were; then nothing moved
  double loss = 0.0;            ///< mean over finite slots; NaN when there is none
  double accuracy = 0.0;
  double gradient_norm = 0.0;  ///< of the mean gradient, before clipping
  double lr = 0.0;
  double examples_per_s = 0.0;
  /// Where this rank's time went: batches, passes, packing and merging, waiting for the others'
  /// records, the sum over ranks, the update.
  double data_s = 0.0, pass_s = 0.0, pack_s = 0.0, wait_s = 0.0, reduce_s = 0.0, update_s = 0.0;

  /// False for a bad step: no slot was finite, or their sum was not.
  bool moved() const { return num_finite > 0 && !sum_overflowed; }
};

class TrainingStep {
 public:
  /// All must outlive it. `total_steps` are those of the whole training.
  TrainingStep(comm::World& world, comm::GradientReducer& reducer, const child::Network& network,
               WeightOptimizer& optimizer, Task& task, const WeightOptions& options,
               std::uint64_t seed, std::int64_t total_steps, run::FaultInjector& faults);

  /// Collective. Moves weights, running averages and carried states. `flags` are this rank's
  /// wishes.
  TrainingStepReport run(TrainingState& state, std::int64_t flags);

  comm::Block own_slots() const { return own_; }
  /// The numbers of all weights: each step moves them.
  const std::vector<int>& moved_weights() const { return moved_weights_; }

 private:
  run::StepRecord run_slot(int slot, const StepPlace& place, at::Tensor& carried,
                           TrainingStepReport& report);
  /// `finite`: loss and carried state are. False leaves zeros in the place of the slot.
  bool pack(const nn::Pass& pass, bool finite);
  /// The norm of the mean gradient; nothing moves when it is not finite.
  double update(std::span<const float> sum, int num_finite, double lr);
  std::span<const float> part_of(std::span<const float> flat, std::size_t tensor) const;

  comm::World& world_;
  comm::GradientReducer& reducer_;
  const child::Network& network_;
  WeightOptimizer& optimizer_;
  Task& task_;
  const WeightOptions& options_;
  std::uint64_t seed_;
  std::int64_t total_steps_;
  run::FaultInjector& faults_;
  comm::Block own_;
  comm::ReductionPlan plan_;        ///< weights, then running averages
  std::int64_t num_gradients_ = 0;  ///< values of the weights
  std::vector<int> moved_weights_;
};

}  // namespace enas::search
