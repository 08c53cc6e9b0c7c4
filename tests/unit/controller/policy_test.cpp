// SPDX-License-Identifier: Apache-2.0
// One decision by itself: draws against probabilities, slopes against finite differences.
#include "controller/policy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.hpp"

namespace enas::controller {
namespace {

using space::Decision;
using space::DecisionKind;
using Logits = std::vector<double>;

Decision decision_of(DecisionKind kind, int num_choices) {
  return {.name = "it", .kind = kind, .num_choices = num_choices, .token = 0};
}

std::vector<std::int32_t> drawn(const Decision& decision, const Logits& logits,
                                const std::vector<double>& uniforms) {
  std::vector<std::int32_t> tokens(uniforms.size(), -1);
  draw_tokens(decision, logits, uniforms, tokens);
  return tokens;
}

TEST(Policy, DrawsTheFirstChoiceWhoseCumulatedProbabilityExceedsTheUniform) {
  const Decision choice = decision_of(DecisionKind::option, 3);
  const Logits logits = {std::log(0.5), std::log(0.3), std::log(0.2)};
  const std::vector<std::pair<double, std::int32_t>> known = {
      {0.0, 0}, {0.499, 0}, {0.501, 1}, {0.799, 1}, {0.801, 2}, {0.999999, 2}};
  for (const auto& [uniform, token] : known) {
    EXPECT_EQ(drawn(choice, logits, {uniform}).at(0), token) << uniform;
  }
  EXPECT_EQ(drawn(choice, {0.0, 0.0, -2000.0}, {1.0}).at(0), 1);  // never the impossible one
}

TEST(Policy, DrawsEachBitByItself) {
  const Decision bits = decision_of(DecisionKind::subset, 3);
  const double x = 0.5 * std::log(0.7 / 0.3);  // σ(2x) = 0.7
  EXPECT_EQ(drawn(bits, {x, x, -x}, {0.69, 0.71, 0.29}), (std::vector<std::int32_t>{1, 0, 1}));
}

TEST(Policy, RefusesLogitsThatAreNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, infinity}) {
    EXPECT_THROW(drawn(decision_of(DecisionKind::option, 2), {0.0, bad}, {0.5}), SystemError);
  }
  EXPECT_THROW(drawn(decision_of(DecisionKind::subset, 1), {nan}, {0.5}), SystemError);
}

struct Scored {
  Scores scores;
  std::vector<double> token_entropies;
  Logits log_probability, entropy, skip_penalty;  // slopes
};

Scored scored(const Decision& decision, const SkipRule& rule, const Logits& logits,
              const std::vector<std::int32_t>& tokens) {
  const Logits zeros(logits.size(), 0.0);
  Scored result{{}, std::vector<double>(tokens.size(), 0.0), zeros, zeros, zeros};
  score_tokens(decision, rule, logits, tokens, result.scores, result.token_entropies,
               {result.log_probability, result.entropy, result.skip_penalty});
  return result;
}

void expect_right_slopes(DecisionKind kind, const std::vector<std::int32_t>& tokens) {
  const Logits logits = {0.3, -1.2, 2.0, 0.0};
  const Decision decision = decision_of(kind, 4);
  const SkipRule rule{.scale = 1.0, .target = 0.3, .share = 0.25};
  const Scored now = scored(decision, rule, logits, tokens);
  constexpr double kStep = 1e-6;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    Logits moved = logits;
    moved[k] += kStep;
    const Scores above = scored(decision, rule, moved, tokens).scores;
    moved[k] -= 2.0 * kStep;
    const Scores below = scored(decision, rule, moved, tokens).scores;
    const auto slope = [](double a, double b) { return (a - b) / (2.0 * kStep); };
    EXPECT_NEAR(now.log_probability[k], slope(above.log_probability, below.log_probability), 1e-8);
    EXPECT_NEAR(now.entropy[k], slope(above.entropy, below.entropy), 1e-8);
    EXPECT_NEAR(now.skip_penalty[k], slope(above.skip_penalty, below.skip_penalty), 1e-8);
  }
}

TEST(Policy, SlopesAgreeWithFiniteDifferences) {
  expect_right_slopes(DecisionKind::option, {2});
  expect_right_slopes(DecisionKind::earlier_node, {0});
  expect_right_slopes(DecisionKind::subset, {1, 0, 0, 1});
}

TEST(Policy, ScoresAddUpOverDecisions) {
  const Decision choice = decision_of(DecisionKind::option, 2);
  const Decision bits = decision_of(DecisionKind::subset, 2);
  Scored sum = scored(choice, {}, {0.0, std::log(3.0)}, {1});
  EXPECT_NEAR(sum.scores.log_probability, std::log(0.75), 1e-15);
  EXPECT_EQ(sum.scores.skip_penalty, 0.0);
  std::vector<double> entropies = {1.0, 2.0};
  score_tokens(bits, {.target = 0.5}, Logits{0.0, 0.0}, std::vector<std::int32_t>{0, 1}, sum.scores,
               entropies, {sum.log_probability, sum.entropy, sum.skip_penalty});
  EXPECT_NEAR(sum.scores.log_probability, std::log(0.75) + 2.0 * std::log(0.5), 1e-15);
  EXPECT_NEAR(sum.scores.entropy, sum.token_entropies[0] + 2.0 * std::log(2.0), 1e-15);
  EXPECT_NEAR(sum.scores.skip_penalty, 0.0, 1e-15);
  EXPECT_NEAR(entropies[0], 1.0 + std::log(2.0), 1e-15);
  EXPECT_NEAR(entropies[1], 2.0 + std::log(2.0), 1e-15);
}

}  // namespace
}  // namespace enas::controller
