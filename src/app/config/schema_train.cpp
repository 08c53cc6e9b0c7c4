// SPDX-License-Identifier: Apache-2.0
// The section train.
#include "app/config/schema.hpp"

namespace enas::app {
namespace {

using child::MacroNetworkOptions;
using child::MicroNetworkOptions;
using child::RecurrentNetworkOptions;
using TrainOptions = enas::train::Options;
using StepOptions = enas::train::StepOptions;

template <auto kMember>
auto& train(Settings& settings) {
  return settings.train.*kMember;
}

template <auto kMember>
auto& step(Settings& settings) {
  return settings.train.step.*kMember;
}

template <auto kMember>
auto& recurrent(Settings& settings) {
  return settings.train.recurrent.*kMember;
}

template <auto kMember>
auto& micro(Settings& settings) {
  return settings.train.micro.*kMember;
}

/// The member of either image space, whichever is in force.
template <auto kMacro, auto kMicro>
auto& of_images(Settings& settings) {
  return settings.space.kind == space::SpaceKind::macro ? settings.train.macro.*kMacro
                                                        : settings.train.micro.*kMicro;
}

nn::Precision& precision(Settings& settings) {
  return settings.train.precision(settings.space.kind);
}

std::vector<Key> batch_keys() {
  return {
      {"train.epochs", train<&TrainOptions::epochs>, at_least(1), "epochs",
       "Passes over the training set, with a look at the whole validation split after each."},
      {"train.slots", step<&StepOptions::slots>, between(1, 4096), "slots",
       "Batches that a step is made of, each with statistics of its own; at most this many ranks."},
      {"train.batch_size", step<&StepOptions::batch_size>, between(1, 1e6), "examples",
       "Examples of a slot; a step trains slots × batch_size of them."},
      only(kRecurrent, {"train.segment_length",
                        at<&Settings::train, &TrainOptions::step, &StepOptions::segments,
                           &data::SegmentOptions::segment_length>,
                        between(1, 1e5), "tokens", "T: time steps of a segment."}),
      only(kRecurrent,
           {"train.random_length",
            at<&Settings::train, &TrainOptions::step, &StepOptions::segments,
               &data::SegmentOptions::random_length>,
            {},
            "",
            "Draw the length of a segment around segment_length, the same for all slots."}),
      only(kImages, {"train.cutout", train<&TrainOptions::cutout>, between(0, 4096), "pixels",
                     "Side of a square of a training image set to zero (DeVries & Taylor 2017); 0 "
                     "for none."}),
      {"train.evaluation_batch_size", train<&TrainOptions::evaluation_batch_size>, between(1, 1e6),
       "columns or images",
       "Columns of equal length that a part of the validation text is cut into (the few tokens "
       "left "
       "over are not scored), or images of a batch."},
      only(kRecurrent,
           {"train.evaluation_parts", train<&TrainOptions::evaluation_parts>, between(1, 4096),
            "parts", "Parts of evaluation_batch_size columns that ranks score side by side."}),
      {"train.test_batch_size", train<&TrainOptions::test_batch_size>, between(1, 1e6),
       "columns or images",
       "Columns of equal length that the test text is cut into (1: as one, the state carried "
       "through, and nothing left over), or images of a batch."},
  };
}

std::vector<Key> rate_keys() {
  return {
      {"train.lr_schedule",
       choice_at<&Settings::train, &TrainOptions::step, &StepOptions::lr_schedule>(
           {"decay", "cosine"}),
       {},
       "",
       "How the learning rate changes from epoch to epoch: by a factor, or along a cosine from lr "
       "to lr_min that starts again and again."},
      {"train.lr", step<&StepOptions::lr>, between(0, 1e6), "",
       "Learning rate of SGD on the mean loss of a token or image; the largest where it changes."},
      {"train.lr_decay",
       step<&StepOptions::lr_decay>,
       {.low = 0.0, .high = 1.0, .without_low = true},
       "",
       "\"decay\": factor of the learning rate an epoch, from epoch lr_decay_start on."},
      {"train.lr_decay_start", step<&StepOptions::lr_decay_start>, at_least(0), "epoch",
       "\"decay\": first epoch, counted from 0, whose learning rate is multiplied."},
      {"train.lr_min", step<&StepOptions::lr_min>, between(0, 1e6), "",
       "The learning rate never falls below this; at most lr."},
      {"train.lr_restart_epochs", step<&StepOptions::lr_restart_rounds>, at_least(1), "epochs",
       "\"cosine\", T0: epochs until the learning rate first starts again at lr."},
      {"train.lr_restart_factor", step<&StepOptions::lr_restart_factor>, at_least(1), "",
       "\"cosine\", Tmul: each period is so many times as long as the one before."},
      only(kRecurrent, {"train.lr_scales_with_length",
                        step<&StepOptions::lr_scales_with_length>,
                        {},
                        "",
                        "Multiply the learning rate by a segment's length / segment_length."}),
      {"train.momentum", step<&StepOptions::momentum>, decaying(), "",
       "Nesterov momentum of SGD; 0 for none."},
      {"train.clip_norm", step<&StepOptions::clip_norm>, between(0, 1e6), "",
       "Largest global norm of the mean gradient; 0 for no clipping."},
      {"train.weight_decay", step<&StepOptions::weight_decay>, between(0, 1e3), "",
       "λ: λ·w is added to the gradient."},
      only(kImages,
           {"train.decay_norms",
            step<&StepOptions::decay_norms>,
            {},
            "",
            "Weight decay for scales and offsets of batch norms too, as the authors' code."}),
      only(
          kRecurrent,
          {"train.averaging",
           choice_at<&Settings::train, &TrainOptions::averaging>({"none", "triggered"}),
           {},
           "",
           "Score and keep the mean of the weights of all steps since validation stopped improving "
           "(Merity et al. 2018), or the weights themselves."}),
      only(kRecurrent,
           {"train.averaging_patience", train<&TrainOptions::averaging_patience>, at_least(1),
            "epochs",
            "Averaging begins when validation is worse than the best of all epochs but the last "
            "averaging_patience."}),
  };
}

std::vector<Key> recurrent_network_keys() {
  return {
      {"train.hidden", recurrent<&RecurrentNetworkOptions::hidden>, between(1, 65536), "units",
       "H: width of the embedding and of every node."},
      {"train.cell_output",
       choice_at<&Settings::train, &TrainOptions::recurrent, &RecurrentNetworkOptions::cell_output>(
           {"loose_ends", "all"}),
       {},
       "",
       "Nodes whose mean is the cell's output and carried state."},
      {"train.output_bias",
       recurrent<&RecurrentNetworkOptions::output_bias>,
       {},
       "",
       "A bias in the output layer."},
      {"train.init_range", recurrent<&RecurrentNetworkOptions::init_range>, init_range(), "",
       "Initial weights are uniform in ± this."},
      {"train.drop_word", recurrent<&RecurrentNetworkOptions::drop_word>, dropping(), "",
       "Probability of dropping a whole word of the input embedding."},
      {"train.drop_input", recurrent<&RecurrentNetworkOptions::drop_input>, dropping(), "",
       "Probability of dropping an embedded input, one mask a segment."},
      {"train.drop_cell_input", recurrent<&RecurrentNetworkOptions::drop_cell_input>, dropping(),
       "", "Probability of dropping an input of the cell, one mask a segment."},
      {"train.drop_state", recurrent<&RecurrentNetworkOptions::drop_state>, dropping(), "",
       "Probability of dropping a state or node input of the products, one mask a segment."},
      {"train.drop_output", recurrent<&RecurrentNetworkOptions::drop_output>, dropping(), "",
       "Probability of dropping an output of the cell, one mask a segment."},
      {"train.slowness", recurrent<&RecurrentNetworkOptions::slowness>, between(0, 1e6), "",
       "Weight of the mean of squared differences of neighbouring outputs."},
      {"train.activation_l2", recurrent<&RecurrentNetworkOptions::activation_l2>, between(0, 1e6),
       "", "Weight of the mean of squared outputs."},
  };
}

std::vector<Key> image_network_keys() {
  return {
      only(kMicro, {"train.layers", micro<&MicroNetworkOptions::layers>, between(1, 128), "cells",
                    "L: normal cells; two reduction cells come on top."}),
      {"train.filters", of_images<&MacroNetworkOptions::filters, &MicroNetworkOptions::filters>,
       between(1, 65536), "channels",
       "F: channels of the first layers or cells, doubled at each reduction."},
      {"train.dropout", of_images<&MacroNetworkOptions::dropout, &MicroNetworkOptions::dropout>,
       dropping(), "", "Probability of dropping a pooled feature before the classifier."},
      only(kMicro,
           {"train.drop_path_keep", micro<&MicroNetworkOptions::drop_path_keep>, between(1e-6, 1),
            "",
            "Scheduled drop path: probability of keeping an operation's output in the last cell at "
            "the end of the training; 1 for none."}),
      only(
          kMicro,
          {"train.auxiliary_weight", micro<&MicroNetworkOptions::auxiliary_weight>, between(0, 1e3),
           "", "Weight of the auxiliary head's loss, whose weights are trained too; 0: no head."}),
      only(kMacro, {"train.released",
                    at<&Settings::train, &TrainOptions::macro, &MacroNetworkOptions::released>,
                    {},
                    "",
                    "Separable convolutions built as dense ones and pools refused, as the authors' "
                    "code does."}),
      {"train.norm_epsilon",
       of_images<&MacroNetworkOptions::norm_epsilon, &MicroNetworkOptions::norm_epsilon>, epsilon(),
       "", "Epsilon of batch norms."},
  };
}

Key precision_key() {
  return {"train.precision",
          choice_of<precision>({"float32", "tf32", "bfloat16"}),
          {},
          "",
          "Factors of the large products: as they are, rounded to TF32 (GPUs only), or rounded to "
          "bfloat16 (images: GPUs only). Sums, weights and gradients stay float32."};
}

}  // namespace

std::vector<Key> train_keys() {
  return joined({only_all(kTrained, batch_keys()),
                 only_all(kTrained, rate_keys()),
                 only_all(kRecurrent, recurrent_network_keys()),
                 only_all(kImages, image_network_keys()),
                 {only(kTrained, precision_key())}});
}

}  // namespace enas::app
