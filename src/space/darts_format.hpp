// SPDX-License-Identifier: Apache-2.0
// Genotypes of quark0/darts, recurrent and convolutional.
#pragma once

#include <string>
#include <string_view>

#include "space/typed_view.hpp"

namespace enas::space {

/// A Genotype(...) with `recurrent` and `concat`, or `normal`, `normal_concat`, `reduce` and
/// `reduce_concat`. White space, kinds of quotes and trailing commas do not matter. Concats that
/// are not the loose ends become named outputs. Throws InputError.
TypedView view_from_darts(std::string_view text, std::string_view file);

/// For recurrent and micro views. Throws InputError when a recurrent cell does not begin with tanh.
std::string darts_text(const TypedView& view);

}  // namespace enas::space
