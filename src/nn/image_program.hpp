// SPDX-License-Identifier: Apache-2.0
// A convolutional network as a list of steps: data that different passes compute in their own ways.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

namespace enas::nn {

/// A step reads images and weights by number and makes the next image.
struct ImageStep {
  enum class Kind {
    convolution,  ///< weight [out, in, k, k], k odd, size kept
    separable,    ///< depthwise [C, 1, k, k] with k 3 or 5, then 1×1 [out, C, 1, 1]
    reduction,    ///< every second pixel from (0,0) and from (1,1), each through its own 1×1
                  ///< [out/2, in, 1, 1], concatenated; a pixel beyond the edge counts as zero
    merge,        ///< 1×1 over a concatenation of images, one weight [out, C, 1, 1] an image
    norm,         ///< batch norm with this batch's statistics; weight [2, C]: scale, offset
    relu,
    avg_pool,  ///< 3×3, stride 1; real pixels count only
    max_pool,  ///< 3×3, stride 1
    sum,       ///< of two or more images
  };

  Kind kind = Kind::relu;
  std::vector<int> images;
  std::vector<int> weights;  ///< places in the list that a pass is given
  double epsilon = 0.0;      ///< norm
};

/// Images are numbered as they are made: 0 is the batch, the result of step i is i + 1. Every image
/// is read.
struct ImageProgram {
  std::vector<ImageStep> steps;
  int output = 0;  ///< the image whose mean over height and width are the features
};

/// Features [B, C] of images [B, C, H, W], in LibTorch's differentiable operations: the definition
/// that PlanePass is tested against, and what runs on other devices.
at::Tensor eager_features(const ImageProgram& program, const at::Tensor& images,
                          std::span<const at::Tensor> weights);

/// Multiply-adds, counted as two operations, of all convolutions for a batch of these sizes.
double convolution_flops(const ImageProgram& program, at::IntArrayRef input_sizes,
                         std::span<const at::Tensor> weights);

}  // namespace enas::nn
