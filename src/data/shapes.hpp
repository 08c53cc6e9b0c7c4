// SPDX-License-Identifier: Apache-2.0
// An image set for demos and tests that is made by the program: shapes filled with textures, with
// random positions, sizes, colours and noise.
#pragma once

#include <cstdint>

#include "data/image_set.hpp"

namespace enas::data {

struct ShapesOptions {
  int size = 16;  ///< height and width
  /// Classes are pairs of a shape (disc, square, triangle, ring, cross) and a texture (plain,
  /// stripes): 2 to 10 of them.
  int classes = 10;
  int train_images = 2000;
  int valid_images = 500;
  int test_images = 500;
  double noise = 0.1;  ///< standard deviation of pixel noise, of a full scale of 1
  std::uint64_t seed = 1;
};

/// RGB images [size, size, 3]; position, size, rotation, colours, contrast and a background
/// gradient vary, independent of the class; classes are balanced. A function of the options alone.
/// Throws ConfigError on values out of range.
ImageSet make_shapes(const ShapesOptions& options);

}  // namespace enas::data
