// SPDX-License-Identifier: Apache-2.0
// Shapes of images that networks are made for.
#pragma once

#include "nn/data_shape.hpp"

namespace enas::nn {

constexpr DataShape images(int channels, int height, int width, int num_classes) {
  return {.channels = channels, .height = height, .width = width, .num_classes = num_classes};
}

/// CIFAR-10's, for which the published networks were made.
inline constexpr DataShape kCifar = images(3, 32, 32, 10);

}  // namespace enas::nn
