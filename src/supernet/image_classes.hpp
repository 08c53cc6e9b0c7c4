// SPDX-License-Identifier: Apache-2.0
// What a convolutional supernet has to know about the images.
#pragma once

namespace enas::supernet {

struct ImageClasses {
  int channels = 3;
  int num_classes = 10;
};

}  // namespace enas::supernet
