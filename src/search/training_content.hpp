// SPDX-License-Identifier: Apache-2.0
// A training as what its checkpoints keep: the network, its averages and best weights, position.
#pragma once

#include <string>
#include <vector>

#include "child/averaging_trigger.hpp"
#include "child/network.hpp"
#include "comm/world.hpp"
#include "nn/weight_average.hpp"
#include "search/checkpoint_content.hpp"
#include "search/task.hpp"
#include "search/training_log.hpp"
#include "search/training_state.hpp"
#include "search/weight_optimizer.hpp"

namespace enas::search {

inline const CheckpointKind kTrainingCheckpoint = {"enas_hpc training checkpoint", 2};

/// A copy of what a network has learnt.
struct LearntValues {
  std::vector<nn::Weight> weights;
  std::vector<nn::Weight> averages;
};

/// What a training's checkpoint is made of, owned elsewhere. `best` is of the best epoch.
struct TrainingParts {
  const child::Network& network;
  const WeightOptimizer& optimizer;
  nn::WeightAverage& average;
  child::AveragingTrigger& trigger;
  LearntValues& best;
  TrainingState& state;
  TrainingLog& log;
  std::string architecture;  ///< in the native format
  const Task& task;
  int epochs = 1;
  int slots = 1;
  int batch_size = 1;
};

class TrainingContent final : public CheckpointContent {
 public:
  TrainingContent(comm::World& world, const TrainingParts& parts);

  const CheckpointKind& kind() const override { return kTrainingCheckpoint; }
  std::int64_t step() const override { return parts_.state.progress.step; }
  void compare() override;
  bool is_finite() const override;
  void gather() override;
  io::Image image_on_root(const RunIdentity& identity) const override;
  io::Image log_image_on_root(std::int64_t first_step, std::int64_t end_step,
                              const ConfigRecord& record) const override;
  void clear_log() override { parts_.log.clear(); }
  void read_on_root(const CheckpointReader& reader) override;
  void scatter() override;

  /// Collective. Compares all replicas. Throws ReplicasDiffer.
  void check(std::int64_t step) const;

 private:
  struct Group;
  child::AveragingTrigger read_trigger(const CheckpointReader& reader) const;
  std::vector<float> read_slot_state(const CheckpointReader& reader) const;
  void check_progress(const TrainingProgress& progress, const std::string& file) const;
  std::vector<Group> groups() const;

  comm::World& world_;
  TrainingParts parts_;
  std::vector<std::int64_t> slot_shape_;  ///< of one slot's carried state
  std::vector<float> slot_state_;         ///< of all slots, on rank 0
};

}  // namespace enas::search
