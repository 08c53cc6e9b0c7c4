// SPDX-License-Identifier: Apache-2.0
// The HDF5 log of a job: what happened since the last checkpoint, in memory, until it is written as
// one closed part.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "io/hdf5_image.hpp"
#include "run/log_table.hpp"
#include "run/options.hpp"

namespace enas::run {

/// Used on rank 0. Rows carry the step as it was before the step was done.
class StepLog {
 public:
  virtual ~StepLog() = default;

  /// What the job itself did out of the ordinary (never what the machine did): "not_finite",
  /// "rollback", "averaging".
  void add_event(std::int64_t step, const std::string& kind, const std::string& text);
  /// The rows of steps [first_step, end_step) as an HDF5 file.
  io::Image image(std::int64_t first_step, std::int64_t end_step, const ConfigRecord& record) const;
  /// Forgets the rows: they are on disk, or will be replayed.
  void clear();

 protected:
  /// `format` and `version` are the root's attributes "format" and "format_version".
  StepLog(std::string format, std::int64_t version);

  /// Tables are written in the order in which they were added, events last.
  LogTable& add_table(const std::string& name, std::vector<ColumnSpec> columns);
  /// Attributes and datasets that say what the rows are about.
  virtual void write_facts(io::ImageWriter& image) const = 0;

 private:
  std::string format_;
  std::int64_t version_;
  std::deque<LogTable> tables_;  ///< never moved: whoever added one refers to it
  LogTable events_;
};

}  // namespace enas::run
