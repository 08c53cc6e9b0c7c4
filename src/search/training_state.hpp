// SPDX-License-Identifier: Apache-2.0
// Where the training of one architecture stands, besides its weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace enas::search {

/// Position in a training. Sums are of the steps of the present epoch that are done.
struct TrainingProgress {
  std::int64_t step = 0;   ///< steps done
  std::int64_t epoch = 0;  ///< epoch that the next step belongs to
  std::int64_t index = 0;  ///< steps of that epoch that are done
  std::int64_t bad_steps = 0;
  std::int64_t rollbacks = 0;
  std::int64_t best_epoch = -1;
  std::int64_t num_finite = 0;  ///< slots of the epoch with a finite gradient
  double lr_factor = 1.0;
  double loss_sum = 0.0;
  double accuracy_sum = 0.0;
  double best_loss = std::numeric_limits<double>::quiet_NaN();  ///< of the best epoch's validation
  double best_metric = std::numeric_limits<double>::quiet_NaN();
};

struct TrainingState {
  TrainingProgress progress;
  std::vector<at::Tensor> slot_state;  ///< carried state of this rank's slots, in slot order
};

}  // namespace enas::search
