// SPDX-License-Identifier: Apache-2.0
// Everything that a search is configured by, as plain structs; filled by app from TOML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "child/macro.hpp"
#include "child/micro.hpp"
#include "child/recurrent.hpp"
#include "controller/controller.hpp"
#include "controller/reinforce.hpp"
#include "data/image_batches.hpp"
#include "data/image_set.hpp"
#include "data/markov_corpus.hpp"
#include "data/shapes.hpp"
#include "data/token_columns.hpp"
#include "run/options.hpp"
#include "space/macro.hpp"
#include "space/micro.hpp"
#include "space/recurrent.hpp"
#include "space/typed_view.hpp"
#include "supernet/macro.hpp"
#include "supernet/micro.hpp"
#include "supernet/recurrent.hpp"

namespace enas::search {

/// What is searched. The first three are the kinds of architectures (space::SpaceKind), trained
/// with shared weights. `tabular`: recurrent cells that were all trained alone, whose scores are
/// looked up.
enum class SpaceKind { recurrent, macro, micro, tabular };

std::string_view name_of(SpaceKind kind);
/// Whether networks for images are searched.
constexpr bool is_of_images(SpaceKind kind) {
  return kind == SpaceKind::macro || kind == SpaceKind::micro;
}

/// The members of the kind's name here and in SupernetOptions are in force; `recurrent` here also
/// for tabular.
struct SpaceOptions {
  SpaceKind kind = SpaceKind::recurrent;
  space::RecurrentSpaceOptions recurrent;
  space::MacroSpaceOptions macro;
  space::MicroSpaceOptions micro;
  std::string table;  ///< file of a tabular space
};

struct SupernetOptions {
  supernet::RecurrentOptions recurrent;
  supernet::MacroOptions macro;
  supernet::MicroOptions micro;
};

/// The first two are text for the recurrent space, the others images for macro and micro.
enum class DataSource { folder, markov, cifar10, cifar100, hdf5, shapes };

struct DataOptions {
  DataSource source = DataSource::folder;
  std::string path;               ///< folder or file; none for the embedded sources
  std::string prefix;             ///< source = folder: how the files' names begin; "" finds them
  data::MarkovOptions markov;     ///< source = markov
  data::ShapesOptions shapes;     ///< source = shapes
  data::ImageSplitOptions split;  ///< image files
  data::AugmentOptions augment;   ///< training images
};

enum class Children { per_slot, shared };
enum class StrategyKind { reinforce, random };
enum class LrSchedule {
  decay,   ///< a factor a round, with a floor
  cosine,  ///< cosine from lr to lr_min with warm restarts (Loshchilov & Hutter 2017)
};

/// How ω is trained.
struct WeightOptions {
  const char* section = "weights";  ///< of its keys in a configuration, for messages
  int slots = 2;                    ///< W: children a weight step trains
  int batch_size = 32;              ///< examples a slot
  Children children = Children::per_slot;
  data::SegmentOptions segments;  ///< text
  LrSchedule lr_schedule = LrSchedule::decay;
  double lr = 20.0;        ///< the largest where it changes
  double lr_decay = 1.0;   ///< factor a round, from round lr_decay_start on
  int lr_decay_start = 0;  ///< first round (from 0) whose rate is multiplied
  double lr_min = 0.0;
  int lr_restart_rounds = 10;  ///< T0: rounds of the first cosine period
  int lr_restart_factor = 2;   ///< Tmul: each period is so many times as long as the one before
  bool lr_scales_with_length = false;  ///< rate times the segment's length / segment_length
  double momentum = 0.0;               ///< Nesterov; 0 for plain SGD
  double clip_norm = 0.1;      ///< global norm of the mean gradient over the union; 0 for none
  double weight_decay = 8e-7;  ///< λ: a slot adds λ·w to its gradient for the weights it touches
  bool decay_norms = false;    ///< also for norms of convolutional networks (the authors' code)
};

enum class Averaging {
  none,
  triggered,  ///< of weights, from when validation stops improving (Merity et al. 2018)
};

/// How one architecture is trained from scratch. `step` is how its weights move, with an epoch for
/// a round and one architecture in all slots.
struct TrainOptions {
  int epochs = 100;
  WeightOptions step;
  child::RecurrentNetworkOptions recurrent;
  child::MacroNetworkOptions macro;
  child::MicroNetworkOptions micro;
  Averaging averaging = Averaging::triggered;
  int averaging_patience = 5;      ///< checks, one an epoch
  int cutout = 0;                  ///< side of the square; in the place of data.augment's
  int evaluation_batch_size = 64;  ///< columns of a part, or images of a batch
  int evaluation_parts = 1;        ///< parts that text is cut into, to be scored side by side
  int test_batch_size = 1;         ///< columns of the test text, or images of a batch
};

/// How θ is trained; what follows from the policy itself is in ControllerOptions and
/// ReinforceOptions.
struct RolloutOptions {
  int rollouts = 10;        ///< A: children a controller step scores
  int steps = 25;           ///< controller steps a round
  int batch_size = 64;      ///< columns of the reward's validation segment, or images
  int segment_length = 35;  ///< its time steps; text
  double reward_scale =
      80.0;  ///< c in c / ppl^exponent; text (of images the accuracy is the reward)
  double reward_exponent = 1.0;
  double reward_cap = 100.0;  ///< rewards above are cut; a metric never is
};

/// What is measured at a round's end.
struct ValidationOptions {
  int children = 10;    ///< sampled children scored
  int batch_size = 64;  ///< columns the validation split is cut into, or images of a batch
  /// Segments of segment_length scored from the start with the state carried, or batches of images
  /// from the start; 0 for all.
  int batches = 20;
};

/// Every key of a configuration file, in its place.
struct Settings {
  run::Options run;
  DataOptions data;
  SpaceOptions space;
  SupernetOptions supernet;
  int rounds = 10;
  StrategyKind strategy = StrategyKind::reinforce;
  WeightOptions weights;
  TrainOptions train;
  controller::ControllerOptions controller;
  controller::ReinforceOptions reinforce;
  RolloutOptions rollout;
  ValidationOptions validation;
};

/// supernet.precision and train.precision: each kind of space has a member of its own.
nn::Precision& supernet_precision(Settings& settings);
nn::Precision& train_precision(Settings& settings);

}  // namespace enas::search
