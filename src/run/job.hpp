// SPDX-License-Identifier: Apache-2.0
// What the driver drives: a search, or the training of one architecture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "io/hdf5_image.hpp"
#include "run/checkpoint_file.hpp"
#include "run/state.hpp"
#include "run/step_log.hpp"
#include "run/step_record.hpp"

namespace enas::run {

/// Where a job stands, as far as the driver has to know. Part of the job's state.
struct Position {
  std::int64_t step = 0;       ///< steps done
  std::int64_t bad_steps = 0;  ///< weight steps in a row that moved nothing
  std::int64_t rollbacks = 0;  ///< reloads after divergence so far
  double lr_factor = 1.0;      ///< halved at each of them
};

/// What one step of a job was.
struct StepOutcome {
  std::int64_t flags = 0;         ///< StepFlag, of all ranks
  std::vector<int> moved;         ///< numbers of the weights that moved, ascending
  bool is_bad = false;            ///< weights should have moved and did not
  bool ends_stretch = false;      ///< a round, or an epoch, is done
  std::vector<StepRecord> slots;  ///< of a weight step, one a slot
};

/// Differs from job to job; everything that keeps one alive does not. Every rank has its own, all
/// equal to the bit. Unless said otherwise a function is called on every rank.
class Job {
 public:
  virtual ~Job() = default;

  virtual const CheckpointKind& kind() const = 0;
  /// All that a checkpoint keeps, the position among it.
  virtual State state() = 0;
  virtual Position& position() = 0;
  virtual const Position& position() const = 0;
  /// The log since the last checkpoint. Filled and read on rank 0.
  virtual StepLog& rows() = 0;
  /// What its checkpoints say besides the state. Rank 0.
  virtual void write_facts(io::ImageWriter&) const {}
  /// The configuration's section with `lr` and `clip_norm`, for messages.
  virtual const char* weight_section() const = 0;

  virtual bool done() const = 0;
  /// Collective. One step; `wishes` are this rank's flags. Moves the position on.
  virtual StepOutcome advance(std::int64_t wishes) = 0;
  /// Collective. After a step that ends a stretch, and before its checkpoint.
  virtual void end_stretch() = 0;

  /// Notices, for what people see. Nothing in them may change the state.
  virtual void started(bool is_resumed) = 0;
  virtual void saved() = 0;
  virtual void reloaded() {}
  /// Not collective.
  virtual void failed(const Error& error) = 0;
  /// Collective. `reason` is "finished", "max_steps" or why it was stopped.
  virtual void ended(const std::string& reason, double wall_seconds) = 0;
};

}  // namespace enas::run
