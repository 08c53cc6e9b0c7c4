// SPDX-License-Identifier: Apache-2.0
// From a decision's logits to its tokens: how they are drawn, and how they are scored.
#pragma once

#include <cstdint>
#include <span>

#include "controller/controller.hpp"
#include "space/search_space.hpp"

namespace enas::controller {

/// Draws the tokens of one decision of one architecture, each by its own uniform number. The
/// logits are those of a softmax; for a subset, bit i has the probability σ(2 logits[i]). Throws
/// SystemError (diverged) when they are not finite.
void draw_tokens(const space::Decision& decision, std::span<const double> logits,
                 std::span<const double> uniforms, std::span<std::int32_t> tokens);

/// How the bits of subsets are compared with their target probability.
struct SkipRule {
  double scale = 2.0;  ///< the compared probability is σ(scale · x)
  double target = 0.4;
  double share = 1.0;  ///< weight of one decision in the penalty: 1 / number of subset decisions
};

/// Sums over the decisions of one architecture, as in Evaluation.
struct Scores {
  double log_probability = 0.0;
  double entropy = 0.0;
  double skip_penalty = 0.0;
};

/// Derivatives of Scores in the logits of one decision, each as long as the logits.
struct ScoreSlopes {
  std::span<double> log_probability;
  std::span<double> entropy;
  std::span<double> skip_penalty;
};

/// Adds one decision to the scores, and the entropies of its tokens to `token_entropies`; sets the
/// slopes.
void score_tokens(const space::Decision& decision, const SkipRule& rule,
                  std::span<const double> logits, std::span<const std::int32_t> tokens,
                  Scores& scores, std::span<double> token_entropies, const ScoreSlopes& slopes);

}  // namespace enas::controller
