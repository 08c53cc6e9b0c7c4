// SPDX-License-Identifier: Apache-2.0
// An image set for demos and tests that is made by the program: shapes filled with textures, with
// random positions, sizes, colours and noise.
#pragma once

#include <cstdint>

#include "data/image_set.hpp"
#include "data/options.hpp"

namespace enas::data {

/// RGB images [size, size, 3]; position, size, rotation, colours, contrast and a background
/// gradient vary, independent of the class; classes are balanced. A function of the options alone.
/// Throws ConfigError on values out of range.
ImageSet make_shapes(const ShapesOptions& options);

}  // namespace enas::data
