// SPDX-License-Identifier: Apache-2.0
// What every architecture of a small space reached when it was trained alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <unordered_map>

#include "io/digest.hpp"
#include "space/architecture.hpp"
#include "space/search_space.hpp"

namespace enas::search {

/// A table as docs/formats.md describes it. Losses are nats a token, means over the trainings of an
/// architecture.
class ScoreTable {
 public:
  /// Throws InputError: 66 when the file is missing or unreadable, 65 when it is no table, is
  /// damaged or lacks an architecture. Throws ConfigError when it is a table of another space.
  ScoreTable(const std::filesystem::path& file, const space::SearchSpace& space);

  /// Of a member of the space.
  double loss(const space::Architecture& architecture) const { return losses_.at(architecture); }
  double lowest_loss() const { return lowest_; }
  double highest_loss() const { return highest_; }
  std::int64_t num_architectures() const { return static_cast<std::int64_t>(losses_.size()); }
  std::int64_t num_trainings() const { return num_trainings_; }  ///< of each architecture
  const std::string& name() const { return name_; }              ///< of the file, without folder
  /// Of everything that a search can see of the table.
  const io::Digest& digest() const { return digest_; }

 private:
  void add(const space::Architecture& architecture, double loss);

  std::string name_;
  std::unordered_map<space::Architecture, double> losses_;
  double lowest_ = std::numeric_limits<double>::infinity();
  double highest_ = -std::numeric_limits<double>::infinity();
  std::int64_t num_trainings_ = 0;
  io::Digest digest_;
};

}  // namespace enas::search
