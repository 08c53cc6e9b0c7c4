// SPDX-License-Identifier: Apache-2.0
// dag.json of carpedm20/ENAS-pytorch: of each node the list of its readers.
#pragma once

#include <string>
#include <string_view>

#include "space/typed_view.hpp"

namespace enas::space {

/// {"-1": [[0, "tanh"]], "-2": [[0, "tanh"]], "0": [[1, "ReLU"], …], leaf: [[N, "avg"]], "N":
/// [[N+1, "h[t]"]]}, names in any case. Throws InputError.
RecurrentCell cell_from_carpedm20(std::string_view text, std::string_view file);

/// Throws InputError when the cell's outputs are named.
std::string carpedm20_text(const RecurrentCell& cell);

}  // namespace enas::space
