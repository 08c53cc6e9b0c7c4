// SPDX-License-Identifier: Apache-2.0
// The HDF5 log of a search: its steps, children and rounds since the last checkpoint.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "io/digest.hpp"
#include "io/hdf5_image.hpp"
#include "run/step_log.hpp"
#include "search/controller_step.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/validation.hpp"
#include "space/search_space.hpp"
#include "task/task.hpp"
#include "train/step.hpp"

namespace enas::search {

/// Version of the log's layout (docs/formats.md).
inline constexpr std::int64_t kLogFormatVersion = 3;

/// Used on rank 0. Rows carry the step as it was before the step was done.
class RunLog final : public run::StepLog {
 public:
  RunLog(const space::SearchSpace& space, const task::Metric& metric);

  /// `children` are those of the slots.
  void add_weight_step(const Progress& progress, const train::StepReport& report,
                       const std::vector<space::Architecture>& children,
                       const io::Digest& strategy);
  void add_controller_step(const Progress& progress, const ControllerStepReport& report,
                           const io::Digest& strategy);
  void add_round(const Progress& progress, const ValidationReport& report, double best_so_far,
                 const io::Digest& strategy, double seconds);

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  struct ChildRow {
    std::string source;
    std::int64_t index = 0;
    space::Rollout child;
    double reward = kNone;
    double log_probability = kNone;
    double seconds = kNone;
  };
  void write_facts(io::ImageWriter& image) const override;
  void add_child(const Progress& progress, const io::Digest& strategy, const ChildRow& row);

  const space::SearchSpace& space_;
  task::Metric metric_;
  run::LogTable& weight_steps_;
  run::LogTable& controller_steps_;
  run::LogTable& children_;
  run::LogTable& rounds_;
};

}  // namespace enas::search
