// SPDX-License-Identifier: Apache-2.0
// The typed views of all spaces as one value, and the way back from them to tokens.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "space/architecture.hpp"
#include "space/macro.hpp"
#include "space/micro.hpp"
#include "space/recurrent.hpp"

namespace enas::space {

enum class SpaceKind { recurrent, macro, micro };

/// In the order of SpaceKind.
using TypedView = std::variant<RecurrentCell, MacroNet, MicroNet>;

SpaceKind kind_of(const TypedView& view);
std::string_view name_of(SpaceKind kind);
/// Throws InputError listing the known names.
SpaceKind space_kind_from_name(std::string_view name);

/// More nodes or layers are refused wherever architectures are read.
inline constexpr int kMostNodes = 1000;

// Parts of views that come from no space of one's own; their codes are those of the spaces' default
// options, which are the authors'.
RecurrentCell::Node recurrent_node(int previous, Activation activation);
MacroNet::Layer macro_layer(Operation operation, std::vector<int> skips);
MicroCell::Side micro_side(int input, Operation operation);

/// Names the cell's outputs, in any order, unless they are its loose ends.
void name_outputs(RecurrentCell& cell, std::vector<int> outputs);
void name_outputs(MicroCell& cell, std::vector<int> outputs);
/// One sentence for each cell whose outputs are not its loose ends.
std::vector<std::string> output_warnings(const TypedView& view);
/// Throws InputError "... <why>" when there is such a cell.
void require_loose_ends(const TypedView& view, std::string_view why);

/// The tokens that stand for the view in a space: the inverse of recurrent_cell(), macro_net() and
/// micro_net(). Throws InputError when the space cannot hold it: another number of nodes, an
/// operation that the space lacks, outputs that are not the loose ends.
Architecture tokens_of(const RecurrentSpaceOptions& options, const RecurrentCell& cell);
Architecture tokens_of(const MacroSpaceOptions& options, const MacroNet& net);
Architecture tokens_of(const MicroSpaceOptions& options, const MicroNet& net);

}  // namespace enas::space
