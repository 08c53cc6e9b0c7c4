// SPDX-License-Identifier: Apache-2.0
// What a Checkpointer keeps: a search, or the training of one architecture.
#pragma once

#include <cstdint>

#include "io/hdf5_image.hpp"
#include "search/checkpoint_reader.hpp"
#include "search/run_identity.hpp"

namespace enas::search {

class CheckpointContent {
 public:
  virtual ~CheckpointContent() = default;

  virtual const CheckpointKind& kind() const = 0;
  /// Steps done.
  virtual std::int64_t step() const = 0;
  /// Collective. Compares the replicas and looks at the carried states. Throws ReplicasDiffer.
  virtual void compare() = 0;
  /// True when everything that is replicated is finite on this rank: what is not is never stored.
  virtual bool is_finite() const = 0;
  /// Collective. Brings to rank 0 what only other ranks have.
  virtual void gather() = 0;
  /// Rank 0, after gather().
  virtual io::Image image_on_root(const RunIdentity& identity) const = 0;
  /// Rank 0. The log's rows of steps [first_step, end_step).
  virtual io::Image log_image_on_root(std::int64_t first_step, std::int64_t end_step,
                                      const ConfigRecord& record) const = 0;
  /// Forgets the log's rows: they are on disk, or will be replayed.
  virtual void clear_log() = 0;

  /// Rank 0. Overwrites the state after everything was checked: what throws InputError has changed
  /// nothing.
  virtual void read_on_root(const CheckpointReader& reader) = 0;
  /// Collective, after read_on_root(): gives every rank what rank 0 read, and compares.
  virtual void scatter() = 0;
};

}  // namespace enas::search
