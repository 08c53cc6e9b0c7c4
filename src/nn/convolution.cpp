// SPDX-License-Identifier: Apache-2.0
// LibTorch's operations in the forms that were measured fastest: images in channels_last, weights
// as they are stored (their layout makes no difference).
#include "nn/convolution.hpp"

#include <torch/torch.h>

#include <cmath>
#include <span>

#include "core/error.hpp"

namespace enas::nn {
namespace {

void check_images(const at::Tensor& input) {
  expect(input.dim() == 4 && input.numel() > 0, "images are [B, C, H, W] and not empty");
}

/// Every second pixel from (0, 0), in channels_last.
at::Tensor every_second_pixel(const at::Tensor& input) {
  constexpr std::int64_t kHeight = 2;
  constexpr std::int64_t kWidth = 3;
  return input.slice(kHeight, 0, std::nullopt, 2)
      .slice(kWidth, 0, std::nullopt, 2)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/// The image moved by one pixel up and to the left, with a border of zeros only where an odd size
/// makes it count.
at::Tensor shifted(const at::Tensor& input) {
  const std::int64_t height = input.size(2);
  const std::int64_t width = input.size(3);
  at::Tensor padded = input;
  if (height % 2 != 0 || width % 2 != 0) {
    padded = at::constant_pad_nd(input, {0, width % 2, 0, height % 2});
  }
  return padded.slice(2, 1).slice(3, 1);
}

}  // namespace

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight) {
  check_images(input);
  expect(weight.dim() == 4 && weight.size(2) == weight.size(3) && weight.size(2) % 2 == 1,
         "a convolution's weight is [out, in / groups, k, k] with an odd k");
  expect(input.size(1) % weight.size(1) == 0, "a convolution's weight fits the image's channels");
  const std::int64_t padding = weight.size(2) / 2;
  return at::conv2d(input, weight, {}, 1, padding, 1, input.size(1) / weight.size(1));
}

at::Tensor depthwise_convolution(const at::Tensor& input, const at::Tensor& weight) {
  expect(weight.dim() == 4 && weight.size(1) == 1 && weight.size(0) == input.size(1),
         "a depthwise convolution's weight is [C, 1, k, k]");
  return convolution(input, weight);
}

at::Tensor batch_norm(const at::Tensor& input, const at::Tensor& norm, double epsilon) {
  check_images(input);
  expect(norm.dim() == 2 && norm.size(0) == 2 && norm.size(1) == input.size(1),
         "a norm is [2, C]: scale and offset");
  const std::vector<at::Tensor> parts = norm.unbind(0);
  return at::batch_norm(input, parts[0], parts[1], {}, {}, /*training=*/true, /*momentum=*/0.0,
                        epsilon, /*cudnn_enabled=*/false);
}

at::Tensor avg_pool_3x3(const at::Tensor& input) {
  return at::avg_pool2d(input, 3, 1, 1, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

at::Tensor max_pool_3x3(const at::Tensor& input) { return at::max_pool2d(input, 3, 1, 1); }

at::Tensor factorized_reduction(const at::Tensor& input, const at::Tensor& even_weight,
                                const at::Tensor& odd_weight, const at::Tensor& norm,
                                double epsilon) {
  check_images(input);
  // Taking the pixels first is twice as fast as a convolution with stride 2.
  const at::Tensor even = convolution(every_second_pixel(input), even_weight);
  const at::Tensor odd = convolution(every_second_pixel(shifted(input)), odd_weight);
  return batch_norm(at::cat({even, odd}, 1), norm, epsilon);
}

at::Tensor global_average(const at::Tensor& input) { return input.mean({2, 3}); }

void fill_he_normal(at::Tensor weight, std::int64_t fan_in, RandomStream random) {
  expect(weight.is_contiguous() && weight.scalar_type() == at::kFloat && fan_in > 0,
         "a new weight is contiguous float32 and has a fan-in");
  random.fill_normal({weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel())},
                     static_cast<float>(std::sqrt(2.0 / static_cast<double>(fan_in))));
}

}  // namespace enas::nn
