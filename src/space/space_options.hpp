// SPDX-License-Identifier: Apache-2.0
// The one place that knows which kinds of search spaces there are: what a configuration chooses
// leads to the space, its size and its architectures in words.
#pragma once

#include <string>

#include "core/json.hpp"
#include "space/macro.hpp"
#include "space/micro.hpp"
#include "space/recurrent.hpp"
#include "space/search_space.hpp"
#include "space/typed_view.hpp"

namespace enas::space {

/// Whether networks for images are searched.
constexpr bool is_of_images(SpaceKind kind) { return kind != SpaceKind::recurrent; }

/// The member of the kind's name is in force.
struct SpaceOptions {
  SpaceKind kind = SpaceKind::recurrent;
  RecurrentSpaceOptions recurrent;
  MacroSpaceOptions macro;
  MicroSpaceOptions micro;
};

SearchSpace make_space(const SpaceOptions& options);
/// The paper's count of that space, as text.
std::string paper_space_size(const SpaceOptions& options);

/// Throws InputError when the architecture does not belong to the space.
TypedView typed_view(const SpaceOptions& options, const Architecture& architecture);

/// An architecture in words, and as JSON with names only.
struct Description {
  std::string text;
  Json json;
};
/// Throws InputError when the architecture does not belong to the space.
Description describe(const SpaceOptions& options, const Architecture& architecture);

}  // namespace enas::space
