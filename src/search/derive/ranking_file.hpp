// SPDX-License-Identifier: Apache-2.0
// The files of a derivation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run/checkpoint_file.hpp"
#include "search/derive/derivation.hpp"
#include "space/search_space.hpp"
#include "task/task.hpp"

namespace enas::search {

std::filesystem::path derived_folder(const std::filesystem::path& run,
                                     const DeriveOptions& options);

/// Rank 0. Digest of what a ranking follows from: the search's state and configuration, the seed
/// and what is asked for.
std::string ranking_source(const Settings& settings, const DeriveOptions& options,
                           const run::CheckpointReader& checkpoint);

/// Rank 0. The texts of top-1.json and on, when the folder holds a whole ranking from this source
/// with as many of them; else nothing.
std::vector<std::string> finished_ranking(const std::filesystem::path& folder,
                                          const std::string& source, int top);

/// Rank 0. ranking.h5, best.json and top-<k>.json in ranking.folder. Throws SystemError.
void write_ranking(const Ranking& ranking, const task::Metric& metric, const Settings& settings,
                   const space::SearchSpace& space, const std::string& configuration);

}  // namespace enas::search
