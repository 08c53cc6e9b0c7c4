// SPDX-License-Identifier: Apache-2.0
// The flat object by which NNI v2 and v3 hand out a sample of their ENAS space.
#pragma once

#include <string>
#include <string_view>

#include "space/architecture_file.hpp"

namespace enas::space {

/// "normal/op_2_0": name, "normal/input_2_0": [node] or node, likewise "reduce/…". "width" and
/// "depth" are kept in the origin. NNI never counts a cell's two inputs among its loose ends: a
/// cell that leaves one unread gets named outputs. Throws InputError.
ArchitectureFile net_from_nni(std::string_view text, std::string_view file);

/// Throws InputError when a cell's outputs are not what NNI would take.
std::string nni_text(const MicroNet& net);

}  // namespace enas::space
