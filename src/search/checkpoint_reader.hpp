// SPDX-License-Identifier: Apache-2.0
// Checkpoint files of any kind: what they all begin with, and arrays in and out of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/hdf5_image.hpp"
#include "search/named_array.hpp"
#include "search/run_directory.hpp"
#include "search/run_identity.hpp"

namespace enas::search {

/// What the root's attributes "format" and "format_version" say (docs/formats.md).
struct CheckpointKind {
  std::string format;
  std::int64_t version = 0;
};

/// What every checkpoint begins with.
void begin_checkpoint(io::ImageWriter& image, const CheckpointKind& kind,
                      const RunIdentity& identity, std::int64_t step);
void write_arrays(io::ImageWriter& image, const std::string& group,
                  const std::vector<NamedArray>& arrays);
/// Marks it as complete.
io::Image finish_checkpoint(io::ImageWriter& image);

/// An opened checkpoint file. Every failure is an InputError saying what is wrong.
class CheckpointReader {
 public:
  /// Checks seal, format, version and completeness and reads who wrote it.
  CheckpointReader(const std::filesystem::path& path, const CheckpointKind& kind);

  const std::string& file() const { return file_; }
  const RunIdentity& identity() const { return identity_; }
  const io::ImageReader& image() const { return image_; }
  /// How many of the last steps had no finite slot.
  std::int64_t bad_steps() const { return image_.int_attribute("/progress", "bad_steps"); }
  /// Throws unless the stored arrays have these names, shapes and types and are finite.
  void check_arrays(const std::string& group, const std::vector<NamedArray>& arrays) const;
  /// Overwrites them.
  void read_arrays(const std::string& group, const std::vector<NamedArray>& arrays) const;

 private:
  std::string file_;
  io::ImageReader image_;
  RunIdentity identity_;
};

/// Threads a rank of the first of these checkpoints that opens, or 0.
int stored_threads(const std::vector<CheckpointFile>& candidates, const CheckpointKind& kind);

}  // namespace enas::search
