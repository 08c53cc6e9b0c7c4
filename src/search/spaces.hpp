// SPDX-License-Identifier: Apache-2.0
// Makes the space and the supernet that the settings name, and describes architectures.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "nn/data_shape.hpp"
#include "search/settings.hpp"
#include "space/search_space.hpp"
#include "space/typed_view.hpp"
#include "supernet/supernet.hpp"

namespace enas::search {

/// The kind of the space's architectures.
space::SpaceKind architecture_kind(SpaceKind kind);

/// The space that settings.space names.
space::SearchSpace make_space(const SpaceOptions& options);
/// The paper's count of that space, as text.
std::string paper_space_size(const SpaceOptions& options);

/// Throws InputError when the architecture does not belong to the space.
space::TypedView typed_view(const SpaceOptions& options, const space::Architecture& architecture);

/// A child in words, and as JSON with names only.
struct ChildDescription {
  std::string text;
  Json json;
};
/// Throws InputError when the architecture does not belong to the space.
ChildDescription describe_child(const SpaceOptions& options,
                                const space::Architecture& architecture);

class ScoreTable;

/// What a supernet has to know about the data.
struct DataShape : nn::DataShape {
  std::shared_ptr<const ScoreTable> table = nullptr;  ///< of a tabular space
};
std::unique_ptr<supernet::Supernet> make_supernet(const Settings& settings, const DataShape& data);
/// Its weights without their values.
std::vector<supernet::WeightShape> weight_shapes(const Settings& settings,
                                                 const nn::DataShape& data);

}  // namespace enas::search
