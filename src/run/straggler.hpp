// SPDX-License-Identifier: Apache-2.0
// Finds the rank that the others wait for, by the seconds a slot in the records that all have.
#pragma once

#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/clock.hpp"
#include "run/options.hpp"
#include "run/step_record.hpp"

namespace enas::run {

/// Looks at sums over an interval, never at one step: single steps are noisy.
class StragglerWatch {
 public:
  /// `nodes` are the nodes' names, one a rank.
  StragglerWatch(const ReliabilityOptions& options, std::vector<std::string> nodes);

  /// Takes the records of one step, in slot order. When an interval has ended and one rank needed
  /// more than the allowed times the median of the other ranks: a warning that names it, else "".
  std::string note(const std::vector<StepRecord>& slots);

 private:
  std::string verdict(double interval_s) const;

  ReliabilityOptions options_;
  std::vector<std::string> nodes_;
  std::vector<double> seconds_;  ///< a rank's, since the interval began
  int steps_ = 0;
  Stopwatch since_begin_;
};

/// Collective. The name of each rank's node.
std::vector<std::string> gather_nodes(comm::World& world);

}  // namespace enas::run
