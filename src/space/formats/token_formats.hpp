// SPDX-License-Identifier: Apache-2.0
// The authors' two ways to write an architecture as numbers.
#pragma once

#include <string>
#include <string_view>

#include "space/typed_view.hpp"

namespace enas::space {

/// The strings of melodyguan/enas, as a shell script holds them or as numpy prints them: any white
/// space, brackets, bars, commas and quotes between the numbers. Throws InputError.
TypedView view_from_tf(SpaceKind kind, std::string_view text, std::string_view file);
/// Throws InputError when the outputs of a cell are named.
std::string tf_text(const TypedView& view);

/// The strings of enas_lm: node 0 is a fixed tanh, and the codes 2 and 3 are swapped.
RecurrentCell cell_from_enas_lm(std::string_view text, std::string_view file);
/// Throws InputError when node 0 is not tanh or the outputs are named.
std::string enas_lm_text(const RecurrentCell& cell);

}  // namespace enas::space
