// SPDX-License-Identifier: Apache-2.0
// What a convolutional network has to know about the images.
#pragma once

namespace enas::child {

struct ImageShape {
  int channels = 3;
  int height = 32;  ///< pixels
  int width = 32;   ///< pixels
  int num_classes = 10;
};

}  // namespace enas::child
