// SPDX-License-Identifier: Apache-2.0
// What has to be known about the data before weights for it can be made.
#pragma once

namespace enas::nn {

/// Text has a vocabulary, images have the rest; what does not apply is 0.
struct DataShape {
  int vocabulary_size = 0;
  int channels = 0;
  int height = 0;  ///< pixels
  int width = 0;   ///< pixels
  int num_classes = 0;
};

}  // namespace enas::nn
