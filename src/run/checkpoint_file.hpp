// SPDX-License-Identifier: Apache-2.0
// Checkpoint files of any kind: what they all begin with, and arrays in and out of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/hdf5_image.hpp"
#include "run/directory.hpp"
#include "run/identity.hpp"
#include "run/named_array.hpp"

namespace enas::run {

struct State;

/// What the checkpoints of one kind of job are.
struct CheckpointKind {
  std::string format;           ///< the root's attribute "format" (docs/formats.md)
  std::int64_t version = 0;     ///< and "format_version"
  State (*fields)() = nullptr;  ///< paths and names of what they keep, without any values
};

/// What every checkpoint begins with.
void begin_checkpoint(io::ImageWriter& image, const CheckpointKind& kind, const Identity& identity,
                      std::int64_t step);
void write_array(io::ImageWriter& image, const std::string& group, const NamedArray& array);
/// Marks it as complete.
io::Image finish_checkpoint(io::ImageWriter& image);

/// An opened checkpoint file. Every failure is an InputError saying what is wrong.
class CheckpointReader {
 public:
  /// Checks seal, format, version and completeness and reads who wrote it.
  CheckpointReader(const std::filesystem::path& path, const CheckpointKind& kind);

  const std::string& file() const { return file_; }
  const Identity& identity() const { return identity_; }
  const io::ImageReader& image() const { return image_; }
  /// How many of the last steps had no finite slot.
  std::int64_t bad_steps() const { return image_.int_attribute("/progress", "bad_steps"); }
  /// Throws unless the stored arrays have these names, shapes and types, are finite, and hold no
  /// negative counts.
  void check_arrays(const std::string& group, const std::vector<NamedArray>& arrays) const;
  /// Checks them, then overwrites them.
  void load_arrays(const std::string& group, const std::vector<NamedArray>& arrays) const;
  /// Overwrites them, once they were checked.
  void read_arrays(const std::string& group, const std::vector<NamedArray>& arrays) const;

 private:
  std::string file_;
  io::ImageReader image_;
  Identity identity_;
};

/// Threads a rank of the first of these checkpoints that opens, or 0.
int stored_threads(const std::vector<CheckpointFile>& candidates, const CheckpointKind& kind);

}  // namespace enas::run
