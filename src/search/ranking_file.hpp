// SPDX-License-Identifier: Apache-2.0
// The files of a derivation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "search/derivation.hpp"
#include "search/task.hpp"
#include "space/network_size.hpp"
#include "space/search_space.hpp"

namespace enas::search {

/// Size of the architecture trained alone at the widths of settings.train.
space::NetworkSize alone_size(const Settings& settings, const space::TypedView& architecture,
                              const nn::DataShape& data);

std::filesystem::path derived_folder(const std::filesystem::path& run,
                                     const DeriveOptions& options);

/// Rank 0. Digest of what a ranking follows from: the search's state and configuration, the seed
/// and what is asked for.
std::string ranking_source(const Settings& settings, const DeriveOptions& options,
                           const std::filesystem::path& checkpoint);

/// Rank 0. The texts of top-1.json and on, when the folder holds a whole ranking from this source
/// with as many of them; else nothing.
std::vector<std::string> finished_ranking(const std::filesystem::path& folder,
                                          const std::string& source, int top);

/// Rank 0. ranking.h5, best.json and top-<k>.json in ranking.folder. Throws SystemError.
void write_ranking(const Ranking& ranking, const Metric& metric, const Settings& settings,
                   const space::SearchSpace& space, const std::string& configuration);

}  // namespace enas::search
