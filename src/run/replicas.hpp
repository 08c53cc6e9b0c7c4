// SPDX-License-Identifier: Apache-2.0
// Every rank holds a replica of the state, equal to the bit; this finds out when they are not, and
// makes them equal after a load.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "comm/world.hpp"
#include "core/error.hpp"
#include "run/state.hpp"

namespace enas::run {

/// The memory of a rank is damaged: replicas differ, or a carried state is not finite. Thrown alike
/// on every rank, between collectives. The driver reloads; main ends with 80 the second time.
class ReplicasDiffer : public Error {
 public:
  explicit ReplicasDiffer(const std::string& message) : Error(ExitCode::replicas_differ, message) {}
};

/// Equal replicas hold values that are not finite: the job has diverged. Thrown alike on every
/// rank, between collectives. The driver goes back with half the learning rate.
class NotFinite : public Error {
 public:
  explicit NotFinite(const std::string& message) : Error(ExitCode::diverged, message) {}
};

/// Collective. Throws ReplicasDiffer naming the first array that differs and the ranks in the
/// minority. Ranks may have different numbers of arrays, which is a difference as well.
void compare_replicas(comm::World& world, const std::vector<NamedArray>& arrays, std::int64_t step);

/// Collective. Compares everything that is replicated, then looks at the carried states. Throws
/// ReplicasDiffer.
void compare_all(comm::World& world, const State& state, std::int64_t step);

/// Collective. Gives every rank the numbers, sequences and arrays of rank 0. As in read_state(),
/// `state` is asked again before arrays are sent.
void broadcast_replicas(comm::World& world, const std::function<State()>& state);

/// Which weights moved since they were compared last. Comparing those alone is cheap enough to be
/// done often.
class MovedWeights {
 public:
  void note(const std::vector<int>& weights);
  /// Collective. Of groups by weight compares the arrays of weights that moved, of everything else
  /// all. Forgets them. Throws ReplicasDiffer.
  void compare(comm::World& world, const State& state, std::int64_t step);

 private:
  std::vector<char> has_moved_;  ///< one a weight, as far as any moved
};

}  // namespace enas::run
