// SPDX-License-Identifier: Apache-2.0
// Whether what was read from a checkpoint makes sense for this search, before anybody acts on it.
#pragma once

#include <cstdint>

#include "search/evaluator/evaluator.hpp"
#include "search/search_state.hpp"
#include "search/settings.hpp"
#include "space/search_space.hpp"

namespace enas::search {

/// Throws InputError naming the first value that is out of range or not of this space.
void check_loaded(const SearchState& loaded, const space::SearchSpace& space,
                  const Settings& settings, const Evaluator& evaluator);

}  // namespace enas::search
