// SPDX-License-Identifier: Apache-2.0
// A search as what its checkpoints keep: ω and its momentum, the strategy, slots and position.
#pragma once

#include <vector>

#include "comm/world.hpp"
#include "search/checkpoint.hpp"
#include "search/checkpoint_content.hpp"
#include "search/replica_guard.hpp"
#include "search/run_log.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"
#include "search/weight_optimizer.hpp"

namespace enas::search {

/// What a search's checkpoint is made of, owned elsewhere.
struct SearchParts {
  const supernet::Supernet& supernet;
  const WeightOptimizer& optimizer;
  Strategy& strategy;
  SearchState& state;
  RunLog& run_log;
  const space::SearchSpace& space;
  const Task& task;
};

class SearchContent final : public CheckpointContent {
 public:
  SearchContent(comm::World& world, ReplicaGuard& guard, const Settings& settings,
                const SearchParts& parts);

  const CheckpointKind& kind() const override { return kSearchCheckpoint; }
  std::int64_t step() const override { return parts_.state.progress.step; }
  void compare() override;
  bool is_finite() const override;
  void gather() override;
  io::Image image_on_root(const RunIdentity& identity) const override;
  io::Image log_image_on_root(std::int64_t first_step, std::int64_t end_step,
                              const ConfigRecord& record) const override;
  void clear_log() override { parts_.run_log.clear(); }
  void read_on_root(const CheckpointReader& reader) override;
  void scatter() override;

 private:
  CheckpointView view(std::vector<float>& slot_state) const;

  comm::World& world_;
  ReplicaGuard& guard_;
  const Settings& settings_;
  SearchParts parts_;
  std::vector<std::int64_t> slot_shape_;  ///< of one slot's carried state
  std::vector<float> slot_state_;         ///< of all slots, on rank 0
};

}  // namespace enas::search
