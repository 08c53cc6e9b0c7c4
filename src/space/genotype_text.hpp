// SPDX-License-Identifier: Apache-2.0
// The Python expression that quark0/darts prints, as JSON.
#pragma once

#include <string_view>

#include "core/json.hpp"

namespace enas::space {

/// The one "Genotype(name=value, ...)" in a text, as an object: lists and tuples become lists,
/// range(a, b) too. What stands before it, as in a line of a log, is ignored. Throws InputError
/// naming file, line and column.
Json genotype_from_text(std::string_view text, std::string_view file);

}  // namespace enas::space
