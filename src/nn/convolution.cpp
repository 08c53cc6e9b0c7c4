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

/// A 1×1 convolution as one product over all pixels: faster than LibTorch's convolution.
at::Tensor pointwise(const at::Tensor& input, const at::Tensor& weight) {
  const at::Tensor pixels = input.permute({0, 2, 3, 1});  // [B, H, W, C], contiguous
  const at::Tensor product = at::mm(pixels.reshape({-1, input.size(1)}), weight.flatten(1).t());
  return product.view({input.size(0), input.size(2), input.size(3), weight.size(0)})
      .permute({0, 3, 1, 2});
}

at::Tensor zero_images(at::IntArrayRef sizes, const at::TensorOptions& options) {
  return at::empty(sizes, options.memory_format(at::MemoryFormat::ChannelsLast)).zero_();
}

/// A view of every second pixel from (first, first), as many as there are.
at::Tensor every_second_pixel(const at::Tensor& image, std::int64_t first) {
  return image.slice(2, first, std::nullopt, 2).slice(3, first, std::nullopt, 2);
}

/// The part of a [B, C, ceil(H/2), ceil(W/2)] image that comes from real odd pixels.
at::Tensor real_odd_part(const at::Tensor& image, std::int64_t height, std::int64_t width) {
  return image.narrow(2, 0, height / 2).narrow(3, 0, width / 2);
}

/// The pixels (0,0), (0,2), … and (1,1), (1,3), … as two images. The backward of four plain slices
/// would fill and add four images of full size.
struct EvenAndOddPixels : torch::autograd::Function<EvenAndOddPixels> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& input) {
    context->saved_data["sizes"] = input.sizes().vec();
    const at::Tensor even = every_second_pixel(input, 0).contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor odd = zero_images(even.sizes(), even.options());
    real_odd_part(odd, input.size(2), input.size(3)).copy_(every_second_pixel(input, 1));
    return {even, odd};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const std::vector<std::int64_t> sizes = context->saved_data["sizes"].toIntVector();
    const at::Tensor gradient = zero_images(sizes, gradients[0].options());
    every_second_pixel(gradient, 0).copy_(gradients[0]);
    every_second_pixel(gradient, 1).copy_(real_odd_part(gradients[1], sizes[2], sizes[3]));
    return {gradient};
  }
};

}  // namespace

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight) {
  check_images(input);
  expect(weight.dim() == 4 && weight.size(2) == weight.size(3) && weight.size(2) % 2 == 1,
         "a convolution's weight is [out, in / groups, k, k] with an odd k");
  expect(input.size(1) % weight.size(1) == 0, "a convolution's weight fits the image's channels");
  if (weight.size(2) == 1 && weight.size(1) == input.size(1)) return pointwise(input, weight);
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
  const at::Tensor output = at::batch_norm(input, parts[0], parts[1], {}, {}, /*training=*/true,
                                           /*momentum=*/0.0, epsilon, /*cudnn_enabled=*/false);
  ask_for_fast_gradient(output);
  return output;
}

void ask_for_fast_gradient(const at::Tensor& output) {
  if (!output.requires_grad()) return;
  output.register_hook([](const at::Tensor& gradient) {
    return gradient.contiguous(at::MemoryFormat::ChannelsLast);
  });
}

at::Tensor avg_pool_3x3(const at::Tensor& input) {
  return at::avg_pool2d(input, 3, 1, 1, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

at::Tensor max_pool_3x3(const at::Tensor& input) { return at::max_pool2d(input, 3, 1, 1); }

at::Tensor factorized_reduction(const at::Tensor& input, const at::Tensor& even_weight,
                                const at::Tensor& odd_weight) {
  check_images(input);
  // Taking the pixels first is twice as fast as a convolution with stride 2.
  const torch::autograd::variable_list pixels = EvenAndOddPixels::apply(input);
  const at::Tensor even = convolution(pixels[0], even_weight);
  const at::Tensor odd = convolution(pixels[1], odd_weight);
  return at::cat({even, odd}, 1);
}

at::Tensor global_average(const at::Tensor& input) { return input.mean({2, 3}); }

at::Tensor initial_image_weight(at::IntArrayRef sizes, std::int64_t fan_in,
                                const RandomStream& random) {
  at::Tensor value = at::empty(sizes, at::kFloat);
  if (fan_in == 0) {
    value[0].fill_(1.0);
    value[1].zero_();
  } else {
    fill_he_normal(value, fan_in, random);
  }
  return value;
}

void fill_he_normal(at::Tensor weight, std::int64_t fan_in, RandomStream random) {
  expect(weight.is_contiguous() && weight.scalar_type() == at::kFloat && fan_in > 0,
         "a new weight is contiguous float32 and has a fan-in");
  random.fill_normal({weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel())},
                     static_cast<float>(std::sqrt(2.0 / static_cast<double>(fan_in))));
}

}  // namespace enas::nn
