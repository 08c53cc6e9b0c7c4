// SPDX-License-Identifier: Apache-2.0
#include "app/config/presets.hpp"

#include "core/error.hpp"

namespace enas::app {
namespace {

/// A recurrent cell from scratch as the authors' corrected code (enas_lm) trains one, in a size
/// that a CPU can bear.
train::Options recurrent_training() {
  train::Options train;
  train.epochs = 100;
  train.step.slots = 1;
  train.step.batch_size = 64;
  train.step.lr = 20.0;
  train.step.clip_norm = 0.25;
  train.step.weight_decay = 8e-7;
  train.averaging = train::Averaging::triggered;
  return train;
}

/// The authors' first code (final training of its language model).
train::Options recurrent_training_of_paper() {
  train::Options train = recurrent_training();
  train.epochs = 2000;
  train.step.lr_decay = 0.9991;
  train.step.lr_decay_start = 15;
  train.step.lr_min = 1e-3;
  train.step.weight_decay = 2 * 5e-7;  // their factor of the sum of squares, twice
  train.averaging = train::Averaging::none;
  train.recurrent.hidden = 748;
  train.recurrent.drop_word = 0.21;
  train.recurrent.drop_input = 0.0;
  train.recurrent.drop_cell_input = 0.75;
  train.recurrent.drop_state = 0.25;
  train.recurrent.drop_output = 0.76;
  train.recurrent.slowness = 1e-3;
  train.recurrent.activation_l2 = 0.0;
  return train;
}

/// enas_lm's final training on a GPU.
train::Options recurrent_training_released() {
  train::Options train = recurrent_training();
  train.epochs = 3000;
  train.step.segments.random_length = true;
  train.step.lr_scales_with_length = true;
  train.averaging_patience = 10;
  train.recurrent.hidden = 800;
  train.recurrent.cell_output = child::CellOutput::all;
  train.recurrent.init_range = 0.05;
  return train;
}

/// The authors' final scripts for CIFAR-10.
train::Options image_training(bool is_macro) {
  train::Options train;
  train.epochs = is_macro ? 310 : 630;
  train.step.slots = 1;
  train.step.batch_size = is_macro ? 100 : 144;
  train.step.lr_schedule = train::LrSchedule::cosine;
  train.step.lr = 0.05;
  train.step.lr_min = is_macro ? 0.001 : 0.0001;
  train.step.lr_restart_rounds = 10;
  train.step.lr_restart_factor = 2;
  train.step.momentum = 0.9;
  train.step.clip_norm = 5.0;          // the scripts ask for it, their code does not do it
  train.step.weight_decay = 2 * 2e-4;  // their factor of the sum of squares, twice
  train.cutout = is_macro ? 0 : 16;    // a flag of the micro script
  train.averaging = train::Averaging::none;
  train.evaluation_batch_size = 100;
  train.test_batch_size = 100;
  return train;
}

/// Pham et al. 2018, where they state a value. Widths and dropouts are not given there.
Settings recurrent_paper() {
  Settings settings;
  settings.rounds = 150;
  settings.supernet.recurrent.edge_weights = supernet::EdgeWeights::per_edge;
  settings.supernet.recurrent.batch_norm = true;  // in the search, after the average
  settings.supernet.recurrent.init_range = 0.025;
  settings.weights.slots = 1;  // one child a step (M = 1)
  settings.weights.batch_size = 64;
  settings.weights.segments.segment_length = 35;
  settings.weights.lr = 20.0;
  settings.weights.lr_decay = 0.96;
  settings.weights.lr_decay_start = 15;
  settings.weights.clip_norm = 0.25;
  settings.weights.weight_decay = 1e-7;
  settings.controller.hidden = 100;
  settings.controller.temperature = 5.0;
  settings.controller.tanh_constant = 2.5;
  settings.controller.init_range = 0.1;
  settings.reinforce.lr = 3.5e-4;
  settings.reinforce.entropy_weight = 1e-4;
  settings.rollout.steps = 2000;
  settings.rollout.rollouts = 1;
  settings.train = recurrent_training_of_paper();
  return settings;
}

/// The authors' corrected code (google-research, enas_lm).
Settings recurrent_released() {
  Settings settings;
  settings.rounds = 600;
  settings.space.recurrent.nodes = 10;  // a fixed node and nine searched ones
  settings.space.recurrent.first_node = space::FirstNode::tanh;
  settings.supernet.recurrent.hidden = 200;
  settings.supernet.recurrent.cell_output = supernet::CellOutput::all;
  settings.supernet.recurrent.init_range = 0.04;
  settings.supernet.recurrent.drop_word = 0.1;
  settings.supernet.recurrent.drop_input = 0.2;
  settings.supernet.recurrent.drop_cell_input = 0.75;
  settings.supernet.recurrent.drop_state = 0.25;
  settings.supernet.recurrent.drop_output = 0.75;
  settings.supernet.recurrent.slowness = 1.0;
  settings.weights.slots = 1;
  settings.weights.batch_size = 128;
  settings.weights.segments.random_length = true;
  settings.weights.lr_scales_with_length = true;
  settings.weights.clip_norm = 0.1;
  settings.weights.weight_decay = 8e-7;
  settings.controller.hidden = 64;
  settings.controller.temperature = 5.0;
  settings.controller.tanh_constant = 2.25;
  settings.controller.tie_embeddings = true;
  settings.controller.init_range = 0.01;
  settings.reinforce.lr = 5e-5;
  settings.reinforce.entropy_weight = 1e-5;
  settings.reinforce.baseline_decay = 0.999;
  settings.rollout.steps = 25;
  settings.rollout.rollouts = 10;
  settings.train = recurrent_training_released();
  return settings;
}

/// Both image spaces: the authors' search scripts, corrected where they miss their own intent.
Settings images() {
  Settings settings;
  settings.data.source = task::DataSource::cifar10;
  settings.weights.lr_schedule = train::LrSchedule::cosine;
  settings.weights.lr = 0.05;
  settings.weights.lr_min = 0.0005;
  settings.weights.lr_restart_rounds = 10;
  settings.weights.lr_restart_factor = 2;
  settings.weights.momentum = 0.9;
  settings.weights.clip_norm = 5.0;  // the scripts ask for it, their code does not do it
  settings.controller.hidden = 64;
  settings.controller.temperature = 0.0;
  settings.reinforce.adam_beta1 = 0.0;
  settings.reinforce.adam_epsilon = 1e-3;
  settings.reinforce.entropy_weight = 1e-4;
  settings.validation.batch_size = 128;
  // 1,280 of CIFAR's 5,000 images: with all of them, ten children would cost as much as the whole
  // controller phase of the micro search.
  settings.validation.batches = 10;
  return settings;
}

Settings macro_default() {
  Settings settings = images();
  settings.space.kind = space::SpaceKind::macro;
  settings.train = image_training(true);
  settings.rounds = 310;
  settings.weights.batch_size = 64;            // two slots: the scripts' 128
  settings.weights.weight_decay = 2 * 2.5e-4;  // the scripts' factor of the sum of squares, twice
  settings.controller.tanh_constant = 1.5;
  settings.reinforce.lr = 1e-3;
  settings.rollout.steps = 50;
  settings.rollout.rollouts = 20;
  settings.rollout.batch_size = 128;
  return settings;
}

Settings micro_default() {
  Settings settings = images();
  settings.space.kind = space::SpaceKind::micro;
  settings.train = image_training(false);
  settings.rounds = 150;
  settings.weights.batch_size = 80;  // two slots: the scripts' 160
  settings.weights.weight_decay = 2 * 1e-4;
  settings.controller.tanh_constant = 1.1;
  settings.controller.option_tanh_divisor = 2.5;
  settings.reinforce.lr = 3.5e-3;
  settings.rollout.steps = 30;
  settings.rollout.rollouts = 10;
  settings.rollout.batch_size = 160;
  return settings;
}

/// Pham et al. 2018 on CIFAR-10, where they state a value; the rest is the default's.
Settings image_paper(Settings settings) {
  settings.rounds = 310;
  settings.supernet.macro.skip_merge = supernet::SkipMerge::concatenate;
  settings.supernet.macro.operation_order = supernet::OperationOrder::relu_conv_norm;
  settings.weights.batch_size *= settings.weights.slots;  // the scripts': the paper has none
  settings.weights.slots = 1;                             // one child a step (M = 1)
  settings.weights.lr_min = 0.001;
  settings.weights.weight_decay = 1e-4;
  settings.controller.hidden = 100;
  settings.controller.temperature = 5.0;
  settings.controller.tanh_constant = 2.5;
  settings.controller.option_tanh_divisor = 1.0;
  settings.reinforce.lr = 3.5e-4;
  settings.reinforce.entropy_weight = 0.1;
  settings.rollout.steps = 2000;
  settings.rollout.rollouts = 1;
  return settings;
}

/// The authors' search scripts with what their code makes of them.
Settings image_released(Settings settings) {
  settings.data.augment.cutout_corner = true;
  settings.space.micro.operation_prior = space::OperationPrior::released;
  settings.supernet.micro.reduction_inputs = supernet::ReductionInputs::released;
  settings.weights.batch_size *= settings.weights.slots;
  settings.weights.slots = 1;
  settings.weights.clip_norm = 0.0;
  settings.weights.decay_norms = true;
  settings.train.step.clip_norm = 0.0;
  settings.train.step.decay_norms = true;
  settings.train.cutout = 0;
  settings.train.macro.released = true;
  settings.controller.skip_penalty = controller::SkipPenalty::released;
  return settings;
}

Settings recurrent_default() {
  Settings settings;
  settings.train = recurrent_training();
  return settings;
}

Settings default_settings(Scope kind) {
  switch (kind) {
    case Scope::recurrent:
    case Scope::table:
      return recurrent_default();
    case Scope::macro:
      return macro_default();
    case Scope::micro:
      return micro_default();
  }
  throw ContractError("unknown kind of space");
}

bool is_of_cells(Scope kind) { return !is_of_images(kind); }

}  // namespace

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names = {"default", "paper", "released"};
  return names;
}

std::string_view preset_help(std::string_view preset, Scope kind) {
  const bool recurrent = is_of_cells(kind);
  if (preset == "default") return "this program's own choice where paper and code disagree";
  if (preset == "paper") {
    return recurrent ? "what Pham et al. (2018) state for Penn Treebank"
                     : "what Pham et al. (2018) state for CIFAR-10, else the default";
  }
  if (recurrent) return "the authors' corrected code for Penn Treebank (enas_lm)";
  return kind == Scope::macro
             ? "the authors' macro search on CIFAR-10, but, besides smaller things such as the "
               "start of "
               "weights and baseline, the operation that was chosen is computed (theirs: always "
               "the last one), only weights in use decay, and children "
               "are "
               "scored with the statistics of the batch (theirs: running averages over all "
               "children)"
             : "the authors' micro search on CIFAR-10, but, besides smaller things such as the "
               "start of "
               "weights and baseline, only weights in use decay, and children "
               "are scored without dropout (theirs: as in training); the statistics are those of "
               "the "
               "batch in both";
}

Settings preset_settings(std::string_view preset, Scope kind) {
  Settings settings = default_settings(kind);
  if (preset == "paper") {
    settings = is_of_cells(kind) ? recurrent_paper() : image_paper(settings);
  } else if (preset == "released") {
    settings = is_of_cells(kind) ? recurrent_released() : image_released(settings);
  } else {
    expect(preset == "default", "the preset's name was checked");
  }
  set_scope(kind, settings);
  return settings;
}

}  // namespace enas::app
