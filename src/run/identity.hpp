// SPDX-License-Identifier: Apache-2.0
// Who wrote a checkpoint, under which configuration, and whether a run may go on with another.
#pragma once

#include <string>
#include <vector>

#include "io/digest.hpp"
#include "io/hdf5_image.hpp"
#include "run/options.hpp"

namespace enas::run {

/// Not part of the state's hash.
struct Identity {
  ConfigRecord config;
  io::Digest data;
  io::Digest data_without_test;  ///< Task::digest_without_test(); not stored
  std::string program;           ///< version and git revision
  int threads = 1;
  std::string instruction_set;
  int ranks = 1;
  double wall_seconds = 0.0;      ///< all jobs of the run together
  std::vector<std::string> jobs;  ///< batch jobs that worked on it, oldest first
};

/// Attributes of the root, "/jobs" and "/config".
void write_identity(io::ImageWriter& image, const Identity& identity);
/// Throws InputError naming `file`.
Identity read_identity(const io::ImageReader& image, const std::string& file);

/// Whether the data of a checkpoint are the present ones, or these before a test split was added:
/// what was trained and validated on is the same.
bool is_same_data(const Identity& stored, const Identity& present);

/// The identity keys on which the stored and the present configuration differ: "weights.slots: 4 in
/// the checkpoint, 2 now", and the data. Empty when the run may go on.
std::vector<std::string> identity_differences(const Identity& stored, const Identity& present);
/// The other keys that differ, in the same words: worth saying, no reason to stop.
std::vector<std::string> adjustable_differences(const Identity& stored, const Identity& present);

/// "LibTorch 2.13.0 …, HDF5 1.10.8, …", one library a line.
std::vector<std::string> library_versions();

}  // namespace enas::run
