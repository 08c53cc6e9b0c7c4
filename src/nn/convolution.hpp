// SPDX-License-Identifier: Apache-2.0
// Building blocks of convolutional networks, as differentiable functions of their weights. Images
// are [B, C, H, W] float32 in channels_last memory. Nothing here keeps running statistics.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/random.hpp"

namespace enas::nn {

/// Convolution without bias and with size-keeping zero padding; weight [out, in / groups, k, k], k
/// odd. A weight [C, 1, k, k] on C channels is depthwise.
at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight);
at::Tensor depthwise_convolution(const at::Tensor& input, const at::Tensor& weight);

/// Batch norm with the statistics of this batch; norm [2, C] holds scale and offset (Ioffe &
/// Szegedy 2015).
at::Tensor batch_norm(const at::Tensor& input, const at::Tensor& norm, double epsilon);

/// 3×3, stride 1, size kept; the average counts real pixels only.
at::Tensor avg_pool_3x3(const at::Tensor& input);
at::Tensor max_pool_3x3(const at::Tensor& input);

/// Factorized reduction of the authors' code without its norm: every second pixel from (0,0) and
/// from (1,1), each through its own 1×1 convolution [out/2, in, 1, 1], concatenated: [B, out,
/// ceil(H/2), ceil(W/2)]. A pixel beyond the edge counts as zero.
at::Tensor factorized_reduction(const at::Tensor& input, const at::Tensor& even_weight,
                                const at::Tensor& odd_weight);

/// Mean over height and width: [B, C].
at::Tensor global_average(const at::Tensor& input);

/// Makes the gradient of a batch norm's output arrive in channels_last: in another layout (a part
/// of a concatenation, a mean's) LibTorch's backward takes a path that is several times slower than
/// this copy.
void ask_for_fast_gradient(const at::Tensor& output);

/// A new float32 weight: He-normal with its fan-in, or for a norm [2, C], whose fan-in is 0, scales
/// of 1 and offsets of 0.
at::Tensor initial_image_weight(at::IntArrayRef sizes, std::int64_t fan_in,
                                const RandomStream& random);
/// Fills a weight with He-normal values (He et al. 2015), standard deviation sqrt(2 / fan_in).
void fill_he_normal(at::Tensor weight, std::int64_t fan_in, RandomStream random);

}  // namespace enas::nn
