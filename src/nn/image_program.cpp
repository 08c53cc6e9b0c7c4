// SPDX-License-Identifier: Apache-2.0
#include "nn/image_program.hpp"

#include <torch/torch.h>

#include "core/error.hpp"
#include "nn/convolution.hpp"

namespace enas::nn {
namespace {

using Tensors = std::vector<at::Tensor>;

at::Tensor sum(const Tensors& terms) {
  at::Tensor total = terms[0] + terms[1];
  for (std::size_t i = 2; i < terms.size(); ++i) total.add_(terms[i]);
  return total;
}

at::Tensor eager_step(const ImageStep& step, const Tensors& images, const Tensors& weights) {
  switch (step.kind) {
    case ImageStep::Kind::convolution:
      return convolution(images[0], weights[0]);
    case ImageStep::Kind::separable:
      return convolution(depthwise_convolution(images[0], weights[0]), weights[1]);
    case ImageStep::Kind::reduction:
      return factorized_reduction(images[0], weights[0], weights[1]);
    case ImageStep::Kind::merge:
      return convolution(at::cat(images, 1), at::cat(weights, 1));
    case ImageStep::Kind::norm:
      return batch_norm(images[0], weights[0], step.epsilon);
    case ImageStep::Kind::relu:
      return at::relu(images[0]);
    case ImageStep::Kind::avg_pool:
      return avg_pool_3x3(images[0]);
    case ImageStep::Kind::max_pool:
      return max_pool_3x3(images[0]);
    case ImageStep::Kind::sum:
      break;
  }
  return sum(images);
}

}  // namespace

at::Tensor eager_features(const ImageProgram& program, const at::Tensor& images,
                          std::span<const at::Tensor> weights) {
  const auto index = [](int number) { return static_cast<std::size_t>(number); };
  // An image is dropped after its last reader: what the backward needs, autograd keeps.
  std::vector<int> readers(program.steps.size() + 1, 0);
  for (const ImageStep& step : program.steps) {
    for (const int image : step.images) ++readers[index(image)];
  }
  ++readers[index(program.output)];
  Tensors made(program.steps.size() + 1);
  made[0] = images.contiguous(at::MemoryFormat::ChannelsLast);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const ImageStep& step = program.steps[i];
    Tensors step_images;
    Tensors step_weights;
    for (const int image : step.images) step_images.push_back(made[index(image)]);
    for (const int weight : step.weights) step_weights.push_back(weights[index(weight)]);
    made[i + 1] = eager_step(step, step_images, step_weights);
    for (const int image : step.images) {
      if (--readers[index(image)] == 0) made[index(image)].reset();
    }
  }
  return global_average(made[index(program.output)]);
}

double convolution_flops(const ImageProgram& program, at::IntArrayRef input_sizes,
                         std::span<const at::Tensor> weights) {
  expect(input_sizes.size() == 4, "images are [B, C, H, W]");
  std::vector<std::int64_t> heights = {input_sizes[2]};
  std::vector<std::int64_t> widths = {input_sizes[3]};
  double flops = 0.0;
  for (const ImageStep& step : program.steps) {
    const auto source = static_cast<std::size_t>(step.images.front());
    const std::int64_t stride = step.kind == ImageStep::Kind::reduction ? 2 : 1;
    heights.push_back((heights[source] + stride - 1) / stride);
    widths.push_back((widths[source] + stride - 1) / stride);
    if (step.kind == ImageStep::Kind::norm) continue;
    const double pixels = static_cast<double>(input_sizes[0] * heights.back() * widths.back());
    for (const int weight : step.weights) {
      flops +=
          2.0 * pixels * static_cast<double>(weights[static_cast<std::size_t>(weight)].numel());
    }
  }
  return flops;
}

}  // namespace enas::nn
