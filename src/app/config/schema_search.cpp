// SPDX-License-Identifier: Apache-2.0
// The sections search and weights.
#include "app/config/schema.hpp"

namespace enas::app {
namespace {

using search::EvaluationOptions;
using search::WeightOptions;

std::vector<Key> search_keys() {
  return {
      {"search.rounds", at<&Settings::rounds>, at_least(1), "rounds",
       "Rounds of a weight phase (one pass over the training set; none with a table) and a "
       "controller phase.",
       Role::adjustable},
      {"search.strategy",
       choice_at<&Settings::strategy>({"reinforce", "random"}),
       {},
       "",
       "Who proposes children: the learning controller, or uniform draws (the baseline)."},
      {"search.evaluation",
       choice_at<&Settings::evaluation, &EvaluationOptions::kind>({"shared", "table"}),
       {},
       "",
       "How children are scored: with weights that all of them share, or looked up in "
       "evaluation.table, which trains nothing (space.kind = \"recurrent\" only). Other keys and "
       "their defaults depend on it."},
      only(kTable, {"evaluation.table",
                    at<&Settings::evaluation, &EvaluationOptions::table>,
                    {},
                    "",
                    "File with the score of every cell that the keys of the section space allow.",
                    Role::adjustable}),
  };
}

template <auto kMember>
auto& weight(Settings& settings) {
  return settings.weights.*kMember;
}

Key slots_key() {
  return {
      "weights.slots", weight<&WeightOptions::slots>, between(1, 4096), "children",
      "W: children that a weight step trains; at most this many ranks (all that it means with a "
      "table, which trains none)."};
}

std::vector<Key> batch_keys() {
  return {
      {"weights.batch_size", weight<&WeightOptions::batch_size>, between(1, 1e6), "examples",
       "Examples of a slot; a step trains slots × batch_size of them."},
      only(kRecurrent,
           {"weights.segment_length",
            at<&Settings::weights, &WeightOptions::segments, &data::SegmentOptions::segment_length>,
            between(1, 1e5), "tokens", "T: time steps of a training segment."}),
      only(kRecurrent,
           {"weights.random_length",
            at<&Settings::weights, &WeightOptions::segments, &data::SegmentOptions::random_length>,
            {},
            "",
            "Draw the length of a segment around segment_length, the same for all slots."}),
      {"weights.children",
       choice_at<&Settings::weights, &WeightOptions::children>({"per_slot", "shared"}),
       {},
       "",
       "A child of its own for every slot, or slot 0's child for all."},
  };
}

std::vector<Key> rate_keys() {
  return {
      {"weights.lr_schedule",
       choice_at<&Settings::weights, &WeightOptions::lr_schedule>({"decay", "cosine"}),
       {},
       "",
       "How the learning rate changes from round to round: by a factor, or along a cosine from lr "
       "to lr_min that starts again and again."},
      {"weights.lr", weight<&WeightOptions::lr>, between(0, 1e6), "",
       "Learning rate of SGD on the mean loss of a token or image; the largest where it changes."},
      {"weights.lr_decay",
       weight<&WeightOptions::lr_decay>,
       {.low = 0.0, .high = 1.0, .without_low = true},
       "",
       "\"decay\": factor of the learning rate a round, from round lr_decay_start on."},
      {"weights.lr_decay_start", weight<&WeightOptions::lr_decay_start>, at_least(0), "round",
       "\"decay\": first round, counted from 0, whose learning rate is multiplied."},
      {"weights.lr_min", weight<&WeightOptions::lr_min>, between(0, 1e6), "",
       "The learning rate never falls below this; at most lr."},
      {"weights.lr_restart_rounds", weight<&WeightOptions::lr_restart_rounds>, at_least(1),
       "rounds", "\"cosine\", T0: rounds until the learning rate first starts again at lr."},
      {"weights.lr_restart_factor", weight<&WeightOptions::lr_restart_factor>, at_least(1), "",
       "\"cosine\", Tmul: each period is so many times as long as the one before."},
      only(kRecurrent, {"weights.lr_scales_with_length",
                        weight<&WeightOptions::lr_scales_with_length>,
                        {},
                        "",
                        "Multiply the learning rate by a segment's length / segment_length."}),
      {"weights.momentum", weight<&WeightOptions::momentum>, decaying(), "",
       "Nesterov momentum of SGD; a weight's moves in the steps that use the weight. 0 for none."},
      {"weights.clip_norm", weight<&WeightOptions::clip_norm>, between(0, 1e6), "",
       "Largest global norm of the mean gradient; 0 for no clipping."},
      {"weights.weight_decay", weight<&WeightOptions::weight_decay>, between(0, 1e3), "",
       "λ: a slot adds λ·w to its gradient, for the weights that its child touches."},
      only(kImages,
           {"weights.decay_norms",
            weight<&WeightOptions::decay_norms>,
            {},
            "",
            "Weight decay for scales and offsets of batch norms too, as the authors' code."}),
  };
}

}  // namespace

std::vector<Key> search_and_weight_keys() {
  return joined({search_keys(),
                 {slots_key()},
                 only_all(kTrained, batch_keys()),
                 only_all(kTrained, rate_keys())});
}

}  // namespace enas::app
