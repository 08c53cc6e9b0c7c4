// SPDX-License-Identifier: Apache-2.0
// Softmaxes and independent bits in double precision, with their derivatives.
#include "controller/policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::controller {
namespace {

using space::Decision;
using space::DecisionKind;

double sigmoid(double z) { return 1.0 / (1.0 + std::exp(-z)); }

double log_sigmoid(double z) { return std::min(z, 0.0) - std::log1p(std::exp(-std::abs(z))); }

double finite_probability(double probability, const Decision& decision) {
  if (std::isfinite(probability)) return probability;
  throw SystemError(
      concat("the controller's probabilities for '", decision.name, "' are ", probability,
             ": its weights have diverged; a lower learning rate "
             "of the controller avoids that (controller.lr)"),
      ExitCode::diverged);
}

// The probabilities are exp(logits − offset).
double softmax_offset(std::span<const double> logits) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const double z : logits) largest = z > largest ? z : largest;
  double sum = 0.0;
  for (const double z : logits) sum += std::exp(z - largest);
  return largest + std::log(sum);
}

// The first choice whose cumulated probability exceeds `uniform`; the last one where rounding left
// none.
std::int32_t draw_choice(const Decision& decision, std::span<const double> logits, double uniform) {
  const double offset = softmax_offset(logits);
  double left = uniform;
  std::int32_t last_possible = -1;
  std::int32_t chosen = -1;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const double probability = finite_probability(std::exp(logits[k] - offset), decision);
    if (probability > 0.0) last_possible = static_cast<std::int32_t>(k);
    left -= probability;
    if (chosen < 0 && left < 0.0) chosen = static_cast<std::int32_t>(k);
  }
  return chosen >= 0 ? chosen : last_possible;
}

void score_choice(std::span<const double> logits, std::int32_t token, Scores& scores,
                  double& token_entropy, const ScoreSlopes& slopes) {
  const double offset = softmax_offset(logits);
  double entropy = 0.0;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const double log_probability = logits[k] - offset;
    const double probability = std::exp(log_probability);
    entropy -= probability * log_probability;
    slopes.log_probability[k] = -probability;
    slopes.skip_penalty[k] = 0.0;
  }
  for (std::size_t k = 0; k < logits.size(); ++k) {
    slopes.entropy[k] = slopes.log_probability[k] * (logits[k] - offset + entropy);
  }
  const auto chosen = static_cast<std::size_t>(token);
  slopes.log_probability[chosen] += 1.0;
  scores.log_probability += logits[chosen] - offset;
  scores.entropy += entropy;
  token_entropy += entropy;
}

// KL(σ(z) ‖ target) of one bit, nats.
double divergence(double z, double target) {
  return sigmoid(z) * (log_sigmoid(z) - std::log(target)) +
         sigmoid(-z) * (log_sigmoid(-z) - std::log1p(-target));
}

void score_bits(const SkipRule& rule, std::span<const double> logits,
                std::span<const std::int32_t> bits, Scores& scores,
                std::span<double> token_entropies, const ScoreSlopes& slopes) {
  const double target_logit = std::log(rule.target) - std::log1p(-rule.target);
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const double z = 2.0 * logits[k];
    const double one = sigmoid(z);
    const double zero = sigmoid(-z);
    const double entropy = -one * log_sigmoid(z) - zero * log_sigmoid(-z);
    scores.log_probability += log_sigmoid(bits[k] == 1 ? z : -z);
    scores.entropy += entropy;
    token_entropies[k] += entropy;
    slopes.log_probability[k] = bits[k] == 1 ? 2.0 * zero : -2.0 * one;
    slopes.entropy[k] = -2.0 * z * one * zero;

    const double held = rule.scale * logits[k];
    scores.skip_penalty += rule.share * divergence(held, rule.target);
    slopes.skip_penalty[k] =
        rule.share * rule.scale * sigmoid(held) * sigmoid(-held) * (held - target_logit);
  }
}

}  // namespace

void draw_tokens(const Decision& decision, std::span<const double> logits,
                 std::span<const double> uniforms, std::span<std::int32_t> tokens) {
  if (decision.kind != DecisionKind::subset) {
    tokens[0] = draw_choice(decision, logits, uniforms[0]);
    return;
  }
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const double probability = finite_probability(sigmoid(2.0 * logits[k]), decision);
    tokens[k] = uniforms[k] < probability ? 1 : 0;
  }
}

void score_tokens(const Decision& decision, const SkipRule& rule, std::span<const double> logits,
                  std::span<const std::int32_t> tokens, Scores& scores,
                  std::span<double> token_entropies, const ScoreSlopes& slopes) {
  if (decision.kind == DecisionKind::subset) {
    score_bits(rule, logits, tokens, scores, token_entropies, slopes);
  } else {
    score_choice(logits, tokens[0], scores, token_entropies[0], slopes);
  }
}

}  // namespace enas::controller
