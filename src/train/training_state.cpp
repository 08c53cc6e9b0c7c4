// SPDX-License-Identifier: Apache-2.0
#include "train/training_state.hpp"

#include <utility>

namespace enas::train {

namespace {

run::State fields() {
  static TrainingState none;
  static std::vector<double> no_losses;
  return checkpoint_state(none, {}, no_losses, "", 0, {});
}

}  // namespace

run::State checkpoint_state(TrainingState& state, TrainingArrays arrays,
                            std::vector<double>& averaging_trigger, const std::string& architecture,
                            int num_slots, std::vector<std::int64_t> slot_shape) {
  TrainingProgress& progress = state.progress;
  return {{run::ArrayGroup{"/weights", std::move(arrays.weights), true},
           run::ArrayGroup{"/averages", std::move(arrays.averages)},
           run::ArrayGroup{"/momentum", std::move(arrays.momentum), true},
           run::ArrayGroup{"/mean", std::move(arrays.mean)},
           run::ArrayGroup{"/best/averages", std::move(arrays.best_averages)},
           run::ArrayGroup{"/best/weights", std::move(arrays.best_weights)},
           run::SlotStates{num_slots, std::move(slot_shape), &state.slot_state},
           run::Sequence{"/progress/averaging_trigger", &averaging_trigger},
           run::Subject{"architecture", architecture,
                        "is the training of another architecture; take another --run-dir"},
           run::Number{"/progress", "step", &progress.step},
           run::Number{"/progress", "epoch", &progress.epoch},
           run::Number{"/progress", "index", &progress.index},
           run::Number{"/progress", "bad_steps", &progress.bad_steps},
           run::Number{"/progress", "rollbacks", &progress.rollbacks},
           run::Number{"/progress", "best_epoch", &progress.best_epoch},
           run::Number{"/progress", "num_finite", &progress.num_finite},
           run::Number{"/progress", "averaged_steps", &progress.averaged_steps},
           run::Number{"/progress", "lr_factor", &progress.lr_factor},
           run::Number{"/progress", "loss_sum", &progress.loss_sum},
           run::Number{"/progress", "accuracy_sum", &progress.accuracy_sum},
           run::Number{"/progress", "best_loss", &progress.best_loss},
           run::Number{"/progress", "best_metric", &progress.best_metric}},
          {}};
}

const run::CheckpointKind kTrainingCheckpoint = {"enas_hpc training checkpoint", 2, fields};

}  // namespace enas::train
