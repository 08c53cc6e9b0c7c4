// SPDX-License-Identifier: Apache-2.0
// Genotypes of quark0/darts, recurrent and convolutional.
#pragma once

#include <string>
#include <string_view>

#include "space/architecture_file.hpp"

namespace enas::space {

/// A Genotype(...) with `recurrent` and `concat`, or `normal`, `normal_concat`, `reduce` and
/// `reduce_concat`; also as a dictionary, with pairs grouped by node, or with a weight in each,
/// which is dropped. White space, kinds of quotes, trailing commas and what stands around it do not
/// matter. Concats that are not the loose ends become named outputs. Of several genotypes the nth
/// is read, 0 for the last, which a note then says. Throws InputError.
ArchitectureFile file_from_darts(std::string_view text, std::string_view file, int nth);

/// For recurrent and micro views. Throws InputError when a recurrent cell does not begin with tanh.
std::string darts_text(const TypedView& view);

}  // namespace enas::space
