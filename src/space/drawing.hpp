// SPDX-License-Identifier: Apache-2.0
// Architectures for people: as text, and for Graphviz.
#pragma once

#include <string>
#include <string_view>

#include "space/typed_view.hpp"

namespace enas::space {

/// A recurrent cell as a tree, a macro network layer by layer with a triangle of its skips, the two
/// cells of a micro network node by node; loose ends are marked by a star. ASCII, lines end.
std::string drawing_text(const TypedView& view);

/// A digraph in the language of Graphviz (enas_hpc arch show --dot | dot -Tpdf). `name` may be any
/// text.
std::string drawing_dot(const TypedView& view, std::string_view name);

}  // namespace enas::space
