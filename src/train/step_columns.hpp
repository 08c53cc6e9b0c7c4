// SPDX-License-Identifier: Apache-2.0
// What logs say of a weight step.
#pragma once

#include <cstdint>
#include <vector>

#include "run/log_table.hpp"
#include "task/task.hpp"
#include "train/step.hpp"

namespace enas::train {

/// `place` is the second column: the round or the epoch. The metric's unit is "1"; what it is, the
/// root's attribute "metric" says.
std::vector<run::ColumnSpec> step_columns(const task::Metric& metric, const run::ColumnSpec& place);
/// The cells of those columns.
std::vector<run::Cell> step_row(const task::Metric& metric, std::int64_t step, std::int64_t place,
                                const StepReport& report);

}  // namespace enas::train
