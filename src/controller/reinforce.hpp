// SPDX-License-Identifier: Apache-2.0
// The learning rule of θ: REINFORCE with a moving-average baseline, and Adam (Pham et al.
// 2018, 2.2).
#pragma once

#include <optional>
#include <vector>

#include "controller/controller.hpp"

namespace enas::controller {

/// One rollout, for the learning rule.
struct ScoredArchitecture {
  space::Architecture architecture;
  double reward = 0.0;  ///< without entropy
  bool usable = true;   ///< false when the reward was not finite: the worst usable reward is taken
                        ///< for it, and the baseline does not change
};

/// What one update did.
struct ReinforceStep {
  std::vector<double> reward;  ///< of each architecture, as used; NaN when none was usable
  std::vector<double> advantage;
  std::vector<double> baseline;  ///< after the architecture's reward has entered it
  std::vector<double> entropy;
  std::vector<double> log_probability;
  std::vector<double> decision_entropy;  ///< one a token
  double skip_penalty = 0.0;             ///< mean over the batch, without its weight
  double gradient_norm = 0.0;
};

/// Owns Adam's moments, its step count and the baseline; changes the controller's θ in place. Only
/// rank 0 calls update(); the others receive θ and the state by broadcast.
class Reinforce {
 public:
  Reinforce(Controller& controller, const ReinforceOptions& options);

  /// One Adam step on the mean over the batch of −log π(m)·(R − b), plus skip_weight times the
  /// mean skip penalty. The baseline b is a moving average of rewards with their entropy bonus and
  /// starts at the first usable reward. Each architecture's reward enters it before that
  /// architecture's R − b is taken. Nothing changes when no architecture is usable. Throws
  /// SystemError (diverged) when the gradient is not finite.
  ReinforceStep update(const std::vector<ScoredArchitecture>& batch);

  /// Everything besides θ that the next update depends on; tensors may be overwritten in place.
  struct State {
    std::vector<Parameter> first_moment;  ///< named and shaped as θ
    std::vector<Parameter> second_moment;
    std::int64_t adam_steps = 0;
    double baseline = 0.0;
    std::int64_t has_baseline = 0;  ///< 0 or 1
  };
  State& state() { return state_; }
  const State& state() const { return state_; }

 private:
  Controller& controller_;
  ReinforceOptions options_;
  State state_;
};

}  // namespace enas::controller
