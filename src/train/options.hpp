// SPDX-License-Identifier: Apache-2.0
// How weights are trained: one step, and one network from scratch.
#pragma once

#include "child/options.hpp"
#include "nn/precision.hpp"
#include "run/options.hpp"
#include "space/space_options.hpp"
#include "task/options.hpp"

namespace enas::train {

enum class LrSchedule {
  decay,   ///< a factor a round, with a floor
  cosine,  ///< cosine from lr to lr_min with warm restarts (Loshchilov & Hutter 2017)
};

/// How a step moves weights. A round is a pass over the training data: of a training, an epoch.
struct StepOptions : task::TrainingBatches {
  LrSchedule lr_schedule = LrSchedule::decay;
  double lr = 20.0;        ///< the largest where it changes
  double lr_decay = 1.0;   ///< factor a round, from round lr_decay_start on
  int lr_decay_start = 0;  ///< first round (from 0) whose rate is multiplied
  double lr_min = 0.0;
  int lr_restart_rounds = 10;  ///< T0: rounds of the first cosine period
  int lr_restart_factor = 2;   ///< Tmul: each period is so many times as long as the one before
  double momentum = 0.0;       ///< Nesterov; 0 for plain SGD
  double clip_norm = 0.1;      ///< global norm of the mean gradient over the union; 0 for none
  double weight_decay = 8e-7;  ///< λ: a slot adds λ·w to its gradient for the weights it touches
  bool decay_norms = false;    ///< also for norms of convolutional networks (the authors' code)
};

enum class Averaging {
  none,
  triggered,  ///< of weights, from when validation stops improving (Merity et al. 2018)
};

/// How one architecture is trained from scratch.
struct Options {
  int epochs = 100;
  StepOptions step;
  child::RecurrentNetworkOptions recurrent;
  child::MacroNetworkOptions macro;
  child::MicroNetworkOptions micro;
  Averaging averaging = Averaging::triggered;
  int averaging_patience = 5;      ///< checks, one an epoch
  int cutout = 0;                  ///< side of the square; in the place of data.augment's
  int evaluation_batch_size = 64;  ///< columns of a part, or images of a batch
  int evaluation_parts = 1;        ///< parts that text is cut into, to be scored side by side
  int test_batch_size = 1;         ///< columns of the test text, or images of a batch

  /// Each kind of space has a member of its own.
  nn::Precision& precision(space::SpaceKind kind) {
    return kind == space::SpaceKind::recurrent ? recurrent.precision
           : kind == space::SpaceKind::macro   ? macro.precision
                                               : micro.precision;
  }
  nn::Precision precision(space::SpaceKind kind) const { return Options(*this).precision(kind); }
};

/// Everything that a training is configured by.
struct Settings {
  run::Options run;
  task::DataOptions data;
  space::SpaceOptions space;  ///< of the architectures
  Options train;
};

}  // namespace enas::train
