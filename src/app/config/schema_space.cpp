// SPDX-License-Identifier: Apache-2.0
// The sections space and supernet.
#include "app/config/schema.hpp"

namespace enas::app {
namespace {

using SupernetOptions = supernet::Options;
using space::MacroSpaceOptions;
using space::MicroSpaceOptions;
using space::RecurrentSpaceOptions;
using space::SpaceOptions;
using supernet::MacroOptions;
using supernet::MicroOptions;
using supernet::RecurrentOptions;

int& nodes(Settings& settings) {
  return settings.space.kind == space::SpaceKind::micro ? settings.space.micro.nodes
                                                        : settings.space.recurrent.nodes;
}

std::vector<Key> space_keys() {
  constexpr auto* kOperations =
      of_images<&Settings::space, &MacroSpaceOptions::operations, &MicroSpaceOptions::operations>;
  return {
      {"space.kind",
       choice_at<&Settings::space, &SpaceOptions::kind>({"recurrent", "macro", "micro"}),
       {},
       "",
       "What is searched: a recurrent cell, a whole convolutional network (macro), or a normal and "
       "a reduction cell of one (micro). Other keys and their defaults depend on it."},
      only(kMacro,
           {"space.layers", at<&Settings::space, &SpaceOptions::macro, &MacroSpaceOptions::layers>,
            between(1, 128), "layers", "L: layers of the network, the stem not counted."}),
      only({Scope::recurrent, Scope::micro, Scope::table},
           {"space.nodes", nodes, between(1, 256), "nodes",
            "Recurrent, N: nodes of the cell, the first one included. Micro, B: nodes "
            "of a cell, "
            "its two inputs included, at least 3."}),
      only(kImages, {"space.operations",
                     kOperations,
                     {},
                     "",
                     "Operations that a layer or node may have. Macro has no identity, micro no "
                     "conv_3x3 and conv_5x5."}),
      only(kMicro,
           {"space.operation_prior",
            choice_at<&Settings::space, &SpaceOptions::micro, &MicroSpaceOptions::operation_prior>(
                {"none", "released"}),
            {},
            "",
            "What the controller prefers at first: nothing, or separable convolutions as "
            "in the authors' code."}),
      only(kCells,
           {"space.activations",
            at<&Settings::space, &SpaceOptions::recurrent, &RecurrentSpaceOptions::activations>,
            {},
            "",
            "Functions that a node may have."}),
      only(kCells, {"space.first_node",
                    choice_at<&Settings::space, &SpaceOptions::recurrent,
                              &RecurrentSpaceOptions::first_node>({"sampled", "tanh"}),
                    {},
                    "",
                    "Function of the first node: sampled like the others, or always tanh and no "
                    "decision."}),
      only(
          kCells,
          {"space.distance_penalty",
           at<&Settings::space, &SpaceOptions::recurrent, &RecurrentSpaceOptions::distance_penalty>,
           between(0, 1e6), "",
           "Logits of earlier nodes at distance d lose this times d²; 0 for none."}),
  };
}

supernet::Kernels& kernels(Settings& settings) {
  return settings.supernet.kernels(settings.space.kind);
}

nn::Precision& precision(Settings& settings) {
  return settings.supernet.precision(settings.space.kind);
}

/// Of every kind that is trained, each with a member of its own.
Key kernels_key() {
  return {"supernet.kernels",
          choice_of<kernels>({"fused", "eager"}),
          {},
          "",
          "How it is computed: by kernels written for speed, or by plain LibTorch operations. The "
          "same up to rounding."};
}

/// Of every kind, each with a member of its own.
Key precision_key() {
  return {
      "supernet.precision",
      choice_of<precision>({"float32", "tf32", "bfloat16"}),
      {},
      "",
      "Factors of the large products: as they are, rounded to TF32 (GPUs only), or rounded to "
      "bfloat16 (images: GPUs only; text: only with fused kernels). Sums, weights and gradients "
      "stay float32."};
}

template <auto kMember>
auto& recurrent(Settings& settings) {
  return settings.supernet.recurrent.*kMember;
}

std::vector<Key> recurrent_keys() {
  return {
      {"supernet.hidden", recurrent<&RecurrentOptions::hidden>, between(1, 65536), "units",
       "H: width of the embedding and of every node."},
      {"supernet.edge_weights",
       choice_at<&Settings::supernet, &SupernetOptions::recurrent, &RecurrentOptions::edge_weights>(
           {"per_function", "per_edge"}),
       {},
       "",
       "One matrix for every edge and function, or one for every edge."},
      {"supernet.cell_output",
       choice_at<&Settings::supernet, &SupernetOptions::recurrent, &RecurrentOptions::cell_output>(
           {"loose_ends", "all"}),
       {},
       "",
       "Nodes whose mean is the cell's output and carried state."},
      {"supernet.output_bias",
       recurrent<&RecurrentOptions::output_bias>,
       {},
       "",
       "A bias in the output layer (ENAS-pytorch has one, the authors' code has none): word "
       "frequencies need not be learned through the cell. Batch norm then has no offset."},
      {"supernet.batch_norm",
       recurrent<&RecurrentOptions::batch_norm>,
       {},
       "",
       "Batch norm after that mean, with the statistics of each time step and epsilon 1."},
      {"supernet.init_range", recurrent<&RecurrentOptions::init_range>, init_range(), "",
       "Initial weights are uniform in ± this."},
      {"supernet.drop_word", recurrent<&RecurrentOptions::drop_word>, dropping(), "",
       "Probability of dropping a whole word of the input embedding."},
      {"supernet.drop_input", recurrent<&RecurrentOptions::drop_input>, dropping(), "",
       "Probability of dropping an embedded input, one mask a segment."},
      {"supernet.drop_cell_input", recurrent<&RecurrentOptions::drop_cell_input>, dropping(), "",
       "Probability of dropping an input of the cell, one mask a segment."},
      {"supernet.drop_state", recurrent<&RecurrentOptions::drop_state>, dropping(), "",
       "Probability of dropping a state or node input of the products, one mask a segment."},
      {"supernet.drop_output", recurrent<&RecurrentOptions::drop_output>, dropping(), "",
       "Probability of dropping an output of the cell, one mask a segment."},
      {"supernet.slowness", recurrent<&RecurrentOptions::slowness>, between(0, 1e6), "",
       "Weight of the mean of squared differences of neighbouring outputs."},
      {"supernet.activation_l2", recurrent<&RecurrentOptions::activation_l2>, between(0, 1e6), "",
       "Weight of the mean of squared outputs."},
  };
}

template <auto kMacro, auto kMicro>
constexpr auto* kOfImages = of_images<&Settings::supernet, kMacro, kMicro>;

std::vector<Key> image_keys() {
  return {
      only(kMicro, {"supernet.cells",
                    at<&Settings::supernet, &SupernetOptions::micro, &MicroOptions::cells>,
                    between(1, 128), "cells", "L: normal cells; two reduction cells come on top."}),
      {"supernet.filters", kOfImages<&MacroOptions::filters, &MicroOptions::filters>,
       between(1, 65536), "channels",
       "F: channels of a layer (macro), or of the first cells, doubled at each reduction (micro); "
       "even."},
      only(kMacro,
           {"supernet.skip_merge",
            choice_at<&Settings::supernet, &SupernetOptions::macro, &MacroOptions::skip_merge>(
                {"sum", "concatenate"}),
            {},
            "",
            "How a layer's output and its skips become one: their sum, as in the authors' "
            "search, or a 1×1 convolution of all, as in the paper."}),
      only(kMacro,
           {"supernet.operation_order",
            choice_at<&Settings::supernet, &SupernetOptions::macro, &MacroOptions::operation_order>(
                {"conv_norm_relu", "relu_conv_norm"}),
            {},
            "",
            "Order inside an operation: that of the authors' search, or the paper's."}),
      only(
          kMicro,
          {"supernet.reduction_inputs",
           choice_at<&Settings::supernet, &SupernetOptions::micro, &MicroOptions::reduction_inputs>(
               {"both", "released"}),
           {},
           "",
           "What a reduction cell reads: the two cells before it, both reduced, or the "
           "previous one twice as in the authors' code."}),
      {"supernet.drop_features",
       kOfImages<&MacroOptions::drop_features, &MicroOptions::drop_features>, dropping(), "",
       "Probability of dropping a pooled feature before the classifier."},
      {"supernet.norm_epsilon", kOfImages<&MacroOptions::norm_epsilon, &MicroOptions::norm_epsilon>,
       epsilon(), "", "Epsilon of batch norms, which use the statistics of the batch everywhere."},
      only(kMacro,
           {"supernet.kernel_norm_epsilon",
            at<&Settings::supernet, &SupernetOptions::macro, &MacroOptions::kernel_norm_epsilon>,
            epsilon(), "", "Epsilon of the batch norms after 3×3 and 5×5 convolutions."}),
  };
}

}  // namespace

std::vector<Key> space_and_supernet_keys() {
  return joined({space_keys(), only_all(kRecurrent, recurrent_keys()),
                 only_all(kImages, image_keys()),
                 only_all(kTrained, {kernels_key(), precision_key()})});
}

}  // namespace enas::app
