// SPDX-License-Identifier: Apache-2.0
// Replicas of ω and of the strategy must be equal to the bit; this finds out when they are not.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/world.hpp"
#include "core/error.hpp"
#include "search/strategy.hpp"
#include "search/weight_optimizer.hpp"

namespace enas::search {

/// The memory of a rank is damaged: replicas differ, or a carried state is not finite. Thrown alike
/// on every rank, between collectives. The loop reloads; main ends with 80 the second time.
class ReplicasDiffer : public Error {
 public:
  explicit ReplicasDiffer(const std::string& message) : Error(ExitCode::replicas_differ, message) {}
};

/// Equal replicas hold values that are not finite: the search or training has diverged. Thrown
/// alike on every rank, between collectives. The loop goes back with half the learning rate.
class NotFinite : public Error {
 public:
  explicit NotFinite(const std::string& message) : Error(ExitCode::diverged, message) {}
};

/// Collective. Throws ReplicasDiffer naming the first array that differs and the ranks in the
/// minority. Ranks may have different numbers of arrays, which is a difference as well.
void compare_replicas(comm::World& world, const std::vector<NamedArray>& arrays, std::int64_t step);

class ReplicaGuard {
 public:
  /// `num_weights` of the supernet that `optimizer` moves.
  ReplicaGuard(comm::World& world, const WeightOptimizer& optimizer, std::size_t num_weights,
               Strategy& strategy);

  /// Remembers which weights moved since the last check.
  void note_touched(const std::vector<int>& weights);
  /// Collective. Compares the weights noted, with their momentum, and the strategy's state. Throws
  /// ReplicasDiffer naming the first tensor and the ranks in the minority.
  void check_touched(std::int64_t step);
  /// Collective. Compares all weights with their momentum and the strategy's state.
  void check_all(std::int64_t step);
  /// Collective. Compares the strategy's state alone, before it is used.
  void check_strategy(std::int64_t step);

 private:
  comm::World& world_;
  const WeightOptimizer& optimizer_;
  Strategy& strategy_;
  std::vector<char> has_moved_;  ///< one a weight
  std::vector<int> moved_;       ///< numbers of those
};

}  // namespace enas::search
