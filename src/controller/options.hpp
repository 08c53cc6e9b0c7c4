// SPDX-License-Identifier: Apache-2.0
// Options of the policy and of its learning rule.
#pragma once

namespace enas::controller {

/// Which probability of a skip the penalty compares with its target.
enum class SkipPenalty {
  sampled,   ///< the one that bits are sampled with, σ(2x)
  released,  ///< the authors' code: σ(x), though bits are sampled with σ(2x)
};

struct ControllerOptions {
  int hidden = 100;             ///< LSTM width (the paper's)
  double temperature = 5.0;     ///< divides logits; 0 for none
  double tanh_constant = 2.25;  ///< logits become c·tanh(logits) after the temperature; 0 for none
  double option_tanh_divisor = 1.0;  ///< c of option decisions is divided by it
  bool tie_embeddings = false;  ///< option logits use the option embeddings (the authors' enas_lm)
  double init_range = 0.1;      ///< θ uniform in ±init_range
  double skip_target = 0.4;     ///< ρ: wanted probability of each bit of a subset
  SkipPenalty skip_penalty = SkipPenalty::sampled;
};

enum class EntropyMode {
  reward,    ///< R + weight · H enters the reward; H has no gradient of its own (the authors)
  gradient,  ///< weight · H is maximised directly
};

struct ReinforceOptions {
  double lr = 5e-5;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double entropy_weight = 1e-5;
  EntropyMode entropy_mode = EntropyMode::reward;
  double skip_weight = 0.8;  ///< times the mean skip penalty, added to the loss with its gradient
  double baseline_decay = 0.99;  ///< d in b ← d·b + (1 − d)·R, which comes before R − b
};

}  // namespace enas::controller
