// SPDX-License-Identifier: Apache-2.0
// What people see of a running search: the live line, a line a round, status.json and best.json.
#pragma once

#include <cstdint>
#include <string>

#include "comm/world.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "run/directory.hpp"
#include "search/controller_step.hpp"
#include "search/evaluator/evaluator.hpp"
#include "search/run_log.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/validation.hpp"
#include "train/step.hpp"

namespace enas::search {

/// Made on every rank; only rank 0 writes. Failing to write a file here is a warning, never the
/// end.
class Reporter {
 public:
  Reporter(comm::World& world, Log& log, const run::Directory& directory, const Settings& settings,
           const space::SearchSpace& space, const Evaluator& evaluator);

  void started(bool is_resumed, const SearchState& state);
  void weight_step(const Progress& progress, const train::StepReport& report,
                   std::int64_t steps_in_phase);
  /// Rows of a weight step; slots that were not finite become events and warnings.
  void log_weight_step(RunLog& run_log, const Progress& progress, const train::StepReport& report,
                       const std::vector<space::Architecture>& children,
                       const io::Digest& strategy);
  void controller_step(const Progress& progress, const ControllerStepReport& report);
  void round(const SearchState& state, const ValidationReport& report, RunLog& run_log,
             const io::Digest& strategy);
  /// Rewrites best.json from the state; removes it when there is no best child yet.
  void best(const SearchState& state);
  /// A checkpoint was written, or could not be: brings status.json up to date.
  void checkpoint(const SearchState& state);
  /// Not collective. Leaves the reason in status.json.
  void failed(const SearchState& state, const Error& error);
  /// Collective. The closing lines: why, best, tokens, memory of the largest rank.
  void ended(const SearchState& state, const std::string& reason, double wall_seconds);

 private:
  void status(const SearchState& state, const std::string& phase, const std::string& reason);
  /// " (expected floor 2.25)" where the data's limit is known.
  std::string limit_text() const;
  /// "3 min 5 s left" after the present step; "at least ..." while there are steps of a kind that
  /// this job has not timed yet.
  std::string time_left(const Progress& progress) const;

  comm::World& world_;
  Log& log_;
  const run::Directory& directory_;
  const Settings& settings_;
  const space::SearchSpace& space_;
  const Evaluator& evaluator_;
  Stopwatch since_step_;
  Stopwatch since_round_;
  double weight_step_s_ = 0.0;  ///< moving averages of a step's wall time; 0 before the first
  double controller_step_s_ = 0.0;
};

}  // namespace enas::search
