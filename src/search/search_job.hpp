// SPDX-License-Identifier: Apache-2.0
// A search as the driver drives it: Pham et al. 2018, section 2.2, step by step on many ranks.
#pragma once

#include <optional>
#include <string>

#include "comm/gradient_reducer.hpp"
#include "comm/world.hpp"
#include "core/log.hpp"
#include "run/driver.hpp"
#include "search/controller_step.hpp"
#include "search/evaluator/shared.hpp"
#include "search/reporter.hpp"
#include "search/run_log.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/shared_weights.hpp"
#include "task/task.hpp"
#include "train/step.hpp"

namespace enas::search {

/// What a search works on; must outlive it.
struct SearchParts {
  const Settings& settings;
  const space::SearchSpace& space;
  Evaluator& evaluator;
  Strategy& strategy;
  comm::GradientReducer& reducer;  ///< of the shared weights' gradients, where there are any
};

/// A round is a phase of weight steps, one pass over the training data, and a phase of controller
/// steps; then sampled children are validated. Where children are looked up, there are no weight
/// steps.
class SearchJob final : public run::Job {
 public:
  SearchJob(const run::Context& context, const SearchParts& parts);

  const run::CheckpointKind& kind() const override { return kSearchCheckpoint; }
  run::State state() override;
  Progress& position() override { return state_.progress; }
  const Progress& position() const override { return state_.progress; }
  run::StepLog& rows() override { return run_log_; }
  const char* weight_section() const override { return "weights"; }

  bool done() const override { return state_.progress.round >= parts_.settings.rounds; }
  run::StepOutcome advance(std::int64_t wishes) override;
  void end_stretch() override;

  void started(bool is_resumed) override { reporter_.started(is_resumed, state_); }
  void saved() override { reporter_.checkpoint(state_); }
  void reloaded() override { reporter_.best(state_); }
  void failed(const Error& error) override { reporter_.failed(state_, error); }
  void ended(const std::string& reason, double wall_seconds) override {
    reporter_.ended(state_, reason, wall_seconds);
  }

 private:
  run::StepOutcome weight_step(std::int64_t wishes);
  run::StepOutcome controller_step(std::int64_t wishes);
  void begin_weight_phase();
  bool end_phase();
  std::int64_t steps_in_phase() const;
  std::int64_t first_phase() const;

  comm::World& world_;
  SearchParts parts_;
  SearchState state_;
  RunLog run_log_;
  SharedEvaluator* shared_;  ///< null where nothing is trained
  std::optional<SharedWeights> shared_weights_;
  std::optional<train::Step> step_;
  ControllerStep controller_step_;
  Reporter reporter_;
};

}  // namespace enas::search
