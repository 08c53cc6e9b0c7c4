// SPDX-License-Identifier: Apache-2.0
// What a checkpoint holds, and the way in and out of its HDF5 image. Nothing in it is indexed by
// rank.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/digest.hpp"
#include "io/hdf5_image.hpp"
#include "search/named_array.hpp"
#include "search/run_directory.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "search/strategy.hpp"
#include "supernet/supernet.hpp"

namespace enas::search {

/// Version of the checkpoint's layout (docs/formats.md).
inline constexpr std::int64_t kCheckpointFormatVersion = 2;

/// Who wrote a checkpoint, under which configuration. Not part of the state's hash.
struct RunIdentity {
  ConfigRecord config;
  io::Digest data;
  std::string program;  ///< version and git revision
  int threads = 1;
  std::string instruction_set;
  int ranks = 1;
  double wall_seconds = 0.0;      ///< all jobs of the run together
  std::vector<std::string> jobs;  ///< batch jobs that worked on it, oldest first
};

/// The state to be saved or to be overwritten. `slot_state` is every slot's carried state, in slot
/// order.
struct CheckpointView {
  std::vector<NamedArray> weights;
  std::vector<NamedArray> momentum;  ///< named as the weights; empty without momentum
  std::vector<NamedArray> strategy;
  Progress& progress;
  BestChild& best;
  PhaseChildren& children;
  std::vector<float>& slot_state;
  std::vector<std::int64_t> slot_state_shape;  ///< [W, …]
};

/// The image of a checkpoint. Rank 0.
io::Image checkpoint_image(const RunIdentity& identity, const CheckpointView& view);

/// An opened checkpoint file. Every failure is an InputError saying what is wrong.
class CheckpointReader {
 public:
  /// Checks seal, format, version and completeness and reads the header.
  explicit CheckpointReader(const std::filesystem::path& path);

  const RunIdentity& identity() const { return identity_; }
  /// Overwrites `view` after names, shapes, types and finiteness of everything were checked.
  void read(CheckpointView& view) const;
  /// The strategy's state alone.
  void read_strategy(const std::vector<NamedArray>& strategy) const;

 private:
  std::string file_;
  io::ImageReader image_;
  RunIdentity identity_;
};

/// Threads a rank of the first of these checkpoints that opens, or 0.
int stored_threads(const std::vector<CheckpointFile>& candidates);

/// The identity keys on which the stored and the present configuration differ: "weights.slots: 4 in
/// the checkpoint, 2 now", and the data. Empty when the run may go on.
std::vector<std::string> identity_differences(const RunIdentity& stored,
                                              const RunIdentity& present);
/// The other keys that differ, in the same words: worth saying, no reason to stop.
std::vector<std::string> adjustable_differences(const RunIdentity& stored,
                                                const RunIdentity& present);

}  // namespace enas::search
