// SPDX-License-Identifier: Apache-2.0
#include "app/presets.hpp"

#include "core/error.hpp"

namespace enas::app {
namespace {

/// Pham et al. 2018, where they state a value. Widths and dropouts are not given there.
Settings paper() {
  Settings settings;
  settings.rounds = 150;
  settings.supernet.edge_weights = supernet::EdgeWeights::per_edge;
  settings.supernet.batch_norm = true;  // in the search, after the average
  settings.supernet.init_range = 0.025;
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
  return settings;
}

/// The authors' corrected code (google-research, enas_lm).
Settings released() {
  Settings settings;
  settings.rounds = 600;
  settings.space.nodes = 10;  // a fixed node and nine searched ones
  settings.space.first_node = space::FirstNode::tanh;
  settings.supernet.hidden = 200;
  settings.supernet.cell_output = supernet::CellOutput::all;
  settings.supernet.init_range = 0.04;
  settings.supernet.drop_word = 0.1;
  settings.supernet.drop_input = 0.2;
  settings.supernet.drop_cell_input = 0.75;
  settings.supernet.drop_state = 0.25;
  settings.supernet.drop_output = 0.75;
  settings.supernet.slowness = 1.0;
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
  return settings;
}

}  // namespace

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names = {"default", "paper", "released"};
  return names;
}

std::string_view preset_help(std::string_view preset) {
  if (preset == "default") return "this program's own choice where paper and code disagree";
  if (preset == "paper") return "what Pham et al. (2018) state for Penn Treebank";
  return "the authors' corrected code for Penn Treebank (enas_lm)";
}

Settings preset_settings(std::string_view preset) {
  if (preset == "paper") return paper();
  if (preset == "released") return released();
  expect(preset == "default", "the preset's name was checked");
  return {};
}

}  // namespace enas::app
