// SPDX-License-Identifier: Apache-2.0
// Searches that take milliseconds: a recurrent one on a Markov corpus, convolutional ones on images
// of 8 × 8 pixels.
#pragma once

#include <ostream>
#include <string>

#include "search/settings.hpp"

namespace enas::search {

/// What all small searches have in common.
inline Settings small_search_settings(int slots) {
  Settings settings;
  settings.run.seed = 11;
  settings.controller.hidden = 12;
  settings.reinforce.lr = 0.01;
  settings.weights.slots = slots;
  settings.weights.clip_norm = 0.1;
  settings.weights.weight_decay = 1e-3;
  settings.rollout.rollouts = 5;
  settings.validation.children = 5;
  return settings;
}

/// The recurrent space with three nodes. A pass has 6 segments of 5 tokens.
inline Settings small_settings(int slots = 4) {
  Settings settings = small_search_settings(slots);
  settings.data.source = task::DataSource::markov;
  settings.data.markov = {.vocabulary = 20,
                          .order = 1,
                          .branching = 3,
                          .train_tokens = 100 * slots,
                          .valid_tokens = 200,
                          .test_tokens = 50,
                          .seed = 2};
  settings.space.recurrent.nodes = 3;
  settings.supernet.recurrent.hidden = 8;
  settings.supernet.recurrent.init_range = 0.3;
  settings.weights.batch_size = 3;
  settings.weights.segments.segment_length = 5;
  settings.weights.lr = 0.5;
  settings.rollout.batch_size = 4;
  settings.rollout.segment_length = 6;
  settings.validation.batch_size = 4;
  settings.validation.batches = 3;
  return settings;
}

/// The macro or the micro space, three layers or normal cells deep, with momentum and a cosine. A
/// pass has 6 batches of 4 images a slot, and 3 images are left over; 30 are for validation.
inline Settings small_image_settings(space::SpaceKind kind, int slots = 4) {
  Settings settings = small_search_settings(slots);
  settings.data.source = task::DataSource::shapes;
  settings.data.shapes = {.size = 8,
                          .classes = 4,
                          .train_images = 6 * slots * 4 + 3,
                          .valid_images = 30,
                          .test_images = 5,
                          .noise = 0.1,
                          .seed = 2};
  settings.data.augment.pad = 1;
  settings.space.kind = kind;
  settings.space.macro.layers = 3;
  settings.space.micro.nodes = 4;
  settings.supernet.macro.filters = 4;
  settings.supernet.micro.cells = 3;
  settings.supernet.micro.filters = 2;
  settings.weights.batch_size = 4;
  settings.weights.lr_schedule = train::LrSchedule::cosine;
  settings.weights.lr = 0.05;
  settings.weights.lr_min = 0.001;
  settings.weights.momentum = 0.9;
  settings.rollout.batch_size = 6;
  settings.validation.batch_size = 8;
  settings.validation.batches = 2;
  return settings;
}

inline Settings small_settings_of(space::SpaceKind kind, int slots = 4) {
  return kind == space::SpaceKind::recurrent ? small_settings(slots)
                                             : small_image_settings(kind, slots);
}

/// What a failing test calls the kind.
inline void PrintTo(space::SpaceKind kind, std::ostream* out) { *out << name_of(kind); }

}  // namespace enas::search
