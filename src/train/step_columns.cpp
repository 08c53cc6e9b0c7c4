// SPDX-License-Identifier: Apache-2.0
#include "train/step_columns.hpp"

#include "core/text.hpp"

namespace enas::train {

std::vector<run::ColumnSpec> step_columns(const task::Metric& metric,
                                          const run::ColumnSpec& place) {
  using enum run::ColumnType;
  return {{"step", integer, "1", "steps done before this row's"},
          place,
          {"loss", real, concat("nats/", metric.example()), "mean over finite slots"},
          {"metric", real, "1", "perplexity exp(loss), or accuracy, mean over finite slots"},
          {"gradient_norm", real, "1", "of the mean gradient over the union, before clipping"},
          {"lr", real, "1", "learning rate"},
          {"num_finite", integer, "1", "slots whose gradient was finite"},
          {"examples_per_s", real, "1/s", "tokens or images of all slots by the step's wall time",
           true},
          {"data_s", real, "s", "waiting for batches on rank 0", true},
          {"forward_s", real, "s", "forward passes of rank 0's slots", true},
          {"backward_s", real, "s", "backward passes of rank 0's slots", true},
          {"pack_s", real, "s", "packing and merging rank 0's gradients", true},
          {"wait_s", real, "s", "waiting for the slowest rank's record on rank 0", true},
          {"reduce_s", real, "s", "sum over ranks on rank 0", true},
          {"update_s", real, "s", "norm, clip and update on rank 0", true}};
}

std::vector<run::Cell> step_row(const task::Metric& metric, std::int64_t step, std::int64_t place,
                                const StepReport& report) {
  return {step,
          place,
          report.loss,
          metric.of(report.loss, report.accuracy),
          report.gradient_norm,
          report.lr,
          std::int64_t{report.num_finite},
          report.examples_per_s,
          report.data_s,
          report.forward_s,
          report.backward_s,
          report.pack_s,
          report.wait_s,
          report.reduce_s,
          report.update_s};
}

}  // namespace enas::train
