// SPDX-License-Identifier: Apache-2.0
// The Python expression that quark0/darts prints, as JSON.
#pragma once

#include <string_view>

#include "core/json.hpp"

namespace enas::space {

struct Genotype {
  Json fields;    ///< by name; lists and tuples are lists, and so are ranges; None is null
  int line = 0;   ///< where it begins, from 1
  int count = 0;  ///< how many genotypes the text has
};

/// The nth genotype of a text, from 1; 0 for the last. A genotype is "Genotype(name=value, ...)" or
/// a dictionary with the names of a genotype; what stands around it, as in a log, is ignored.
/// Throws InputError naming file, line and column.
Genotype genotype_from_text(std::string_view text, std::string_view file, int nth);

}  // namespace enas::space
