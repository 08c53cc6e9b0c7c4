// SPDX-License-Identifier: Apache-2.0
// What app asks of the search: run it, estimate it, look into its files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "run/checkpoint_file.hpp"
#include "search/settings.hpp"

namespace enas::search {

/// Collective. Runs or resumes the search in settings.run.dir until it is done or asked to stop.
/// Returns success or checkpointed; every other end is an exception.
ExitCode run_search(comm::World& world, Log& log, const Settings& settings,
                    const run::ConfigRecord& record, const run::Limits& limits);

/// Some child of the space, to see whether its network can be built.
space::TypedView any_child(const Settings& settings);

/// What a search would need. Reads the data, trains nothing.
struct Estimate {
  std::int64_t supernet_parameters = 0;
  std::int64_t controller_parameters = 0;
  std::string space_size;
  std::string paper_space_size;  ///< as the paper counts it
  double max_entropy_nats = 0.0;
  std::int64_t weight_steps_per_round = 0;
  std::int64_t controller_steps_per_round = 0;
  std::int64_t total_steps = 0;
  double child_parameters = 0.0;        ///< mean over uniform children
  double union_parameters = 0.0;        ///< mean over the unions of one step
  double bytes_reduced_per_step = 0.0;  ///< size of the flat buffer
  double memory_per_rank_bytes = 0.0;   ///< estimate for a rank with ceil(slots / ranks) slots
  double checkpoint_bytes = 0.0;
  std::string data;                   ///< "ptb: 929589/73760/82430 tokens, vocabulary 10000"
  std::vector<std::string> warnings;  ///< about the data
};
Estimate estimate(const Settings& settings, int num_ranks);

/// What checkpoints of this program there are.
const std::vector<run::CheckpointKind>& checkpoint_kinds();

/// Digest of all replica and slot state in a checkpoint, one line. Equal for equal searches at
/// equal steps.
std::string state_hash(const std::filesystem::path& checkpoint);

/// Children from the controller of a run (its newest valid checkpoint, or the file itself).
struct SampledChild {
  std::string tokens;
  std::string text;
  Json json;
  double log_probability = 0.0;
};
std::vector<SampledChild> sample_children(const std::filesystem::path& run_or_checkpoint,
                                          const Settings& settings, int count, std::uint64_t seed);

/// The newest checkpoint of a search in a run directory that opens, or the file itself. Throws
/// InputError.
std::filesystem::path newest_checkpoint(const std::filesystem::path& run_or_checkpoint);

/// The TOML text that a checkpoint, or the newest one of a run directory, was written under.
std::string stored_configuration(const std::filesystem::path& run_or_checkpoint);

}  // namespace enas::search
