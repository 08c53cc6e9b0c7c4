// SPDX-License-Identifier: Apache-2.0
// The HDF5 log: what happened since the last checkpoint, in memory, until it is written as one
// closed part.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "io/digest.hpp"
#include "io/hdf5_image.hpp"
#include "search/controller_step.hpp"
#include "search/log_table.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/task.hpp"
#include "search/validation.hpp"
#include "search/weight_step.hpp"
#include "space/search_space.hpp"

namespace enas::search {

/// Version of the log's layout (docs/formats.md).
inline constexpr std::int64_t kLogFormatVersion = 3;

/// Used on rank 0. Rows carry the step as it was before the step was done.
class RunLog {
 public:
  RunLog(const space::SearchSpace& space, const Metric& metric);

  void add_weight_step(const Progress& progress, const WeightStepReport& report,
                       const io::Digest& strategy);
  void add_controller_step(const Progress& progress, const ControllerStepReport& report,
                           const io::Digest& strategy);
  void add_round(const Progress& progress, const ValidationReport& report, double best_so_far,
                 const io::Digest& strategy, double seconds);
  /// What the search itself did out of the ordinary (never what the machine did): not_finite,
  /// rollback.
  void add_event(std::int64_t step, const std::string& kind, const std::string& text);

  /// The rows of steps [first_step, end_step) as an HDF5 file.
  io::Image image(std::int64_t first_step, std::int64_t end_step, const ConfigRecord& record) const;
  /// Forgets the rows: they are on disk, or will be replayed.
  void clear();

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
  void add_child(const Progress& progress, const io::Digest& strategy, const ChildRow& row);

  const space::SearchSpace& space_;
  Metric metric_;
  LogTable weight_steps_;
  LogTable controller_steps_;
  LogTable children_;
  LogTable rounds_;
  LogTable events_;
};

}  // namespace enas::search
