// SPDX-License-Identifier: Apache-2.0
// The section controller.
#include "app/config/schema.hpp"

namespace enas::app {
namespace {

using controller::ControllerOptions;
using controller::ReinforceOptions;
using search::RolloutOptions;

template <auto kMember>
auto& policy(Settings& settings) {
  return settings.controller.*kMember;
}
template <auto kMember>
auto& rule(Settings& settings) {
  return settings.reinforce.*kMember;
}
template <auto kMember>
auto& rollout(Settings& settings) {
  return settings.rollout.*kMember;
}

std::vector<Key> policy_keys() {
  return {
      {"controller.hidden", policy<&ControllerOptions::hidden>, between(1, 65536), "units",
       "Width of the controller's LSTM."},
      {"controller.temperature", policy<&ControllerOptions::temperature>, between(0, 1e6), "",
       "Logits are divided by it; 0 for no division."},
      {"controller.tanh_constant", policy<&ControllerOptions::tanh_constant>, between(0, 1e6), "",
       "Logits become c·tanh(logits) after the temperature; 0 for none."},
      {"controller.option_tanh_divisor", policy<&ControllerOptions::option_tanh_divisor>, above(0),
       "", "c of decisions on operations or functions is divided by it."},
      {"controller.tie_embeddings",
       policy<&ControllerOptions::tie_embeddings>,
       {},
       "",
       "Logits of operations or functions use their embeddings."},
      {"controller.init_range", policy<&ControllerOptions::init_range>, init_range(), "",
       "Initial θ is uniform in ± this."},
  };
}

std::vector<Key> skip_keys() {
  return {
      {"controller.skip_target",
       policy<&ControllerOptions::skip_target>,
       {.low = 0.0, .high = 1.0, .without_low = true, .without_high = true},
       "",
       "Wanted probability of each skip."},
      {"controller.skip_weight", rule<&ReinforceOptions::skip_weight>, between(0, 1e6), "1/nat",
       "Weight of the divergence of the skips' probabilities from it, in the loss; 0 for none."},
      {"controller.skip_penalty",
       choice_at<&Settings::controller, &ControllerOptions::skip_penalty>({"sampled", "released"}),
       {},
       "",
       "Which probability that is: the one that skips are sampled with, or that of the authors' "
       "code, whose optimum for 0.4 samples 4/13 of the skips."},
  };
}

std::vector<Key> learning_keys() {
  return {
      {"controller.lr", rule<&ReinforceOptions::lr>, between(0, 1e3), "", "Learning rate of Adam."},
      {"controller.adam_beta1", rule<&ReinforceOptions::adam_beta1>, decaying(), "",
       "Decay of Adam's first moment."},
      {"controller.adam_beta2", rule<&ReinforceOptions::adam_beta2>, decaying(), "",
       "Decay of Adam's second moment."},
      {"controller.adam_epsilon", rule<&ReinforceOptions::adam_epsilon>, epsilon(), "",
       "Added to the root of Adam's second moment."},
      {"controller.entropy_weight", rule<&ReinforceOptions::entropy_weight>, between(0, 1e3),
       "1/nat", "Weight of a child's entropy."},
      {"controller.entropy_mode",
       choice_at<&Settings::reinforce, &ReinforceOptions::entropy_mode>({"reward", "gradient"}),
       {},
       "",
       "Entropy is added to the reward and has no gradient, or is maximised directly."},
      {"controller.baseline_decay", rule<&ReinforceOptions::baseline_decay>, decaying(), "",
       "d in the baseline b ← d·b + (1 − d)·R; it starts at the first reward."},
  };
}

std::vector<Key> rollout_keys() {
  return {
      {"controller.steps", rollout<&RolloutOptions::steps>, at_least(1), "steps",
       "Controller steps a round."},
      {"controller.rollouts", rollout<&RolloutOptions::rollouts>, between(1, 1e5), "children",
       "Children that a controller step scores and averages over. The paper makes 2,000 updates a "
       "round from one child each, so its preset has 1; ranks share the children of a step."},
      only(kTrained,
           {"controller.batch_size", rollout<&RolloutOptions::batch_size>, between(1, 1e6),
            "examples",
            "Columns of the validation segment, or images, that a reward is measured on. The "
            "reward of images is the fraction that is classified correctly."}),
  };
}

std::vector<Key> text_reward_keys() {
  return {
      only(kRecurrent, {"controller.segment_length", rollout<&RolloutOptions::segment_length>,
                        between(1, 1e5), "tokens", "Its time steps."}),
      {"controller.reward_scale",
       rollout<&RolloutOptions::reward_scale>,
       {.low = 0.0, .high = 1e9, .without_low = true},
       "",
       "c in the reward c / perplexity^exponent."},
      {"controller.reward_exponent",
       rollout<&RolloutOptions::reward_exponent>,
       {.low = 0.0, .high = 10.0, .without_low = true},
       "",
       "The exponent: 1 as in ENAS, 2 as in NAS."},
      {"controller.reward_cap",
       rollout<&RolloutOptions::reward_cap>,
       {.low = 0.0, .high = 1e9, .without_low = true},
       "",
       "Rewards above are cut; a metric never is."},
  };
}

}  // namespace

std::vector<Key> controller_keys() {
  return joined({policy_keys(), only_all(kMacro, skip_keys()), learning_keys(), rollout_keys(),
                 only_all(kCells, text_reward_keys())});
}

}  // namespace enas::app
