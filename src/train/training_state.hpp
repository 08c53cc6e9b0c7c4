// SPDX-License-Identifier: Apache-2.0
// Where the training of one architecture stands: what a step changes and a checkpoint keeps.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "nn/training.hpp"
#include "run/checkpoint_file.hpp"
#include "run/job.hpp"
#include "run/state.hpp"

namespace enas::train {

/// Position in a training. Sums are of the steps of the present epoch that are done.
struct TrainingProgress : run::Position {
  std::int64_t epoch = 0;  ///< epoch that the next step belongs to
  std::int64_t index = 0;  ///< steps of that epoch that are done
  std::int64_t best_epoch = -1;
  std::int64_t num_finite = 0;      ///< slots of the epoch with a finite gradient
  std::int64_t averaged_steps = 0;  ///< steps in the mean of the weights
  double loss_sum = 0.0;
  double accuracy_sum = 0.0;
  double best_loss = std::numeric_limits<double>::quiet_NaN();  ///< of the best epoch's validation
  double best_metric = std::numeric_limits<double>::quiet_NaN();
};

struct TrainingState {
  TrainingProgress progress;
  std::vector<at::Tensor> slot_state;  ///< carried state of this rank's slots, in slot order
};

/// The arrays that a training's checkpoints keep. `mean` is empty while nothing is averaged.
struct TrainingArrays {
  std::vector<run::NamedArray> weights;
  std::vector<run::NamedArray> averages;
  std::vector<run::NamedArray> momentum;
  std::vector<run::NamedArray> mean;
  std::vector<run::NamedArray> best_averages;
  std::vector<run::NamedArray> best_weights;
};

/// All that a training's checkpoints keep. `averaging_trigger` is AveragingTrigger::state(),
/// `architecture` its text in the native format, `slot_shape` that of one slot's carried state.
run::State checkpoint_state(TrainingState& state, TrainingArrays arrays,
                            std::vector<double>& averaging_trigger, const std::string& architecture,
                            int num_slots, std::vector<std::int64_t> slot_shape);

/// The checkpoints of a training.
extern const run::CheckpointKind kTrainingCheckpoint;

}  // namespace enas::train
