// SPDX-License-Identifier: Apache-2.0
// The sections search, weights, controller, validation, checkpoint, reliability and comm.
#include "app/schema.hpp"

namespace enas::app {
namespace {

using controller::ControllerOptions;
using controller::ReinforceOptions;
using search::CheckpointOptions;
using search::ReliabilityOptions;
using search::RolloutOptions;
using search::ValidationOptions;
using search::WeightOptions;

constexpr Range kDecay = {.low = 0.0, .high = 1.0, .without_high = true};

std::vector<Key> search_keys() {
  return {
      {"search.rounds", at<&Settings::rounds>, at_least(1), "rounds",
       "Rounds of a weight phase (one pass over the training set) and a controller phase.",
       Role::adjustable},
      {"search.strategy",
       choice_at<&Settings::strategy>({"reinforce", "random"}),
       {},
       "",
       "Who proposes children: the learning controller, or uniform draws (the baseline)."},
  };
}

template <auto kMember>
auto& weight(Settings& settings) {
  return settings.weights.*kMember;
}

std::vector<Key> weight_keys() {
  return {
      {"weights.slots", weight<&WeightOptions::slots>, between(1, 4096), "children",
       "W: children that a weight step trains; at most this many ranks."},
      {"weights.batch_size", weight<&WeightOptions::batch_size>, between(1, 1e6), "examples",
       "Examples of a slot; a step trains slots × batch_size of them."},
      {"weights.segment_length",
       at<&Settings::weights, &WeightOptions::segments, &data::SegmentOptions::segment_length>,
       between(1, 1e5), "tokens", "T: time steps of a training segment."},
      {"weights.random_length",
       at<&Settings::weights, &WeightOptions::segments, &data::SegmentOptions::random_length>,
       {},
       "",
       "Draw the length of a segment around segment_length, the same for all slots."},
      {"weights.children",
       choice_at<&Settings::weights, &WeightOptions::children>({"per_slot", "shared"}),
       {},
       "",
       "A child of its own for every slot, or slot 0's child for all."},
      {"weights.lr", weight<&WeightOptions::lr>, between(0, 1e6), "",
       "Learning rate of SGD on the mean loss of a token."},
      {"weights.lr_decay",
       weight<&WeightOptions::lr_decay>,
       {.low = 0.0, .high = 1.0, .without_low = true},
       "",
       "Factor of the learning rate a round, from round lr_decay_start on."},
      {"weights.lr_decay_start", weight<&WeightOptions::lr_decay_start>, at_least(0), "round",
       "First round, counted from 0, whose learning rate is multiplied."},
      {"weights.lr_min", weight<&WeightOptions::lr_min>, between(0, 1e6), "",
       "The learning rate never falls below this."},
      {"weights.lr_scales_with_length",
       weight<&WeightOptions::lr_scales_with_length>,
       {},
       "",
       "Multiply the learning rate by a segment's length / segment_length."},
      {"weights.clip_norm", weight<&WeightOptions::clip_norm>, between(0, 1e6), "",
       "Largest global norm of the mean gradient; 0 for no clipping."},
      {"weights.weight_decay", weight<&WeightOptions::weight_decay>, between(0, 1e3), "",
       "λ: a slot adds λ·w to its gradient, for the weights that its child touches."},
  };
}

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
      {"controller.tie_embeddings",
       policy<&ControllerOptions::tie_embeddings>,
       {},
       "",
       "Logits of functions use the embeddings of functions."},
      {"controller.init_range", policy<&ControllerOptions::init_range>, between(0, 10), "",
       "Initial θ is uniform in ± this."},
  };
}

std::vector<Key> learning_keys() {
  return {
      {"controller.lr", rule<&ReinforceOptions::lr>, between(0, 1e3), "", "Learning rate of Adam."},
      {"controller.adam_beta1", rule<&ReinforceOptions::adam_beta1>, kDecay, "",
       "Decay of Adam's first moment."},
      {"controller.adam_beta2", rule<&ReinforceOptions::adam_beta2>, kDecay, "",
       "Decay of Adam's second moment."},
      {"controller.adam_epsilon",
       rule<&ReinforceOptions::adam_epsilon>,
       {.low = 0.0, .high = 1.0, .without_low = true},
       "",
       "Added to the root of Adam's second moment."},
      {"controller.entropy_weight", rule<&ReinforceOptions::entropy_weight>, between(0, 1e3),
       "1/nat", "Weight of a child's entropy."},
      {"controller.entropy_mode",
       choice_at<&Settings::reinforce, &ReinforceOptions::entropy_mode>({"reward", "gradient"}),
       {},
       "",
       "Entropy is added to the reward and has no gradient, or is maximised directly."},
      {"controller.baseline_decay", rule<&ReinforceOptions::baseline_decay>, kDecay, "",
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
      {"controller.batch_size", rollout<&RolloutOptions::batch_size>, between(1, 1e6), "columns",
       "Columns of the validation segment that a reward is measured on."},
      {"controller.segment_length", rollout<&RolloutOptions::segment_length>, between(1, 1e5),
       "tokens", "Its time steps."},
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

std::vector<Key> validation_keys() {
  return {
      {"validation.children", at<&Settings::validation, &ValidationOptions::children>,
       between(1, 1e5), "children", "Sampled children that are scored."},
      {"validation.batch_size", at<&Settings::validation, &ValidationOptions::batch_size>,
       between(1, 1e6), "columns", "Columns that the validation text is cut into."},
      {"validation.segments", at<&Settings::validation, &ValidationOptions::segments>, at_least(0),
       "segments",
       "Segments of weights.segment_length scored from the start, state carried; 0 for all."},
  };
}

std::vector<Key> checkpoint_keys() {
  using Options = CheckpointOptions;
  return {
      {"checkpoint.every_steps", at<&Settings::checkpoint, &Options::every_steps>, between(1, 1e15),
       "steps", "Steps between checkpoints; round ends and stops write one too.", Role::adjustable},
      {"checkpoint.every_minutes", at<&Settings::checkpoint, &Options::every_minutes>,
       between(0, 1e6), "min", "Time between checkpoints; 0 for never.", Role::adjustable},
      {"checkpoint.keep", at<&Settings::checkpoint, &Options::keep>, between(2, 1e6), "checkpoints",
       "Newest checkpoints that are kept.", Role::adjustable},
      {"checkpoint.max_failures", at<&Settings::checkpoint, &Options::max_failures>,
       between(1, 1e6), "writes", "Failed writes in a row before the run ends with exit code 74.",
       Role::adjustable},
      {"checkpoint.verify_after_write",
       at<&Settings::checkpoint, &Options::verify_after_write>,
       {},
       "",
       "Read each checkpoint back and compare its digest.",
       Role::adjustable},
  };
}

std::vector<Key> reliability_keys() {
  using Options = ReliabilityOptions;
  return {
      {"reliability.digest_every", at<&Settings::reliability, &Options::digest_every>,
       between(1, 1e15), "steps", "Steps between comparisons of the ranks' replicas.",
       Role::adjustable},
      {"reliability.max_bad_steps", at<&Settings::reliability, &Options::max_bad_steps>,
       between(1, 1e6), "steps",
       "Steps in a row without a finite slot before the last checkpoint is loaded again.",
       Role::adjustable},
      {"reliability.max_rollbacks", at<&Settings::reliability, &Options::max_rollbacks>,
       between(0, 1e3), "reloads",
       "Reloads, each with the learning rate halved, before exit code 76.", Role::adjustable},
      {"comm.timeout_s",
       at<&Settings::reliability, &Options::comm_timeout_s>,
       {.low = 0.0, .high = 1e6, .without_low = true},
       "s",
       "Time without progress after which a rank gives up with exit code 79.",
       Role::adjustable},
  };
}

}  // namespace

std::vector<Key> training_keys() {
  std::vector<Key> keys;
  for (auto* section : {search_keys, weight_keys, policy_keys, learning_keys, rollout_keys,
                        validation_keys, checkpoint_keys, reliability_keys}) {
    for (Key& key : section()) keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace enas::app
