// SPDX-License-Identifier: Apache-2.0
#include "nn/plane/convolutions.hpp"

namespace enas::nn {
namespace {

int size(const at::Tensor& tensor, int dimension) {
  return static_cast<int>(tensor.size(dimension));
}

}  // namespace

PlaneReduction::PlaneReduction(std::vector<PlaneSource> sources,
                               const std::vector<at::Tensor>& weights, PlaneValue& result)
    : PlaneStep(std::move(sources), result),
      in_channels_(size(weights[0], 1)),
      half_channels_(size(weights[0], 0)),
      terms_(make_terms(in_channels_, result.shape.channel_stride(), 1, 0)),
      gradient_terms_(make_terms(half_channels_, result.shape.channel_stride(), 1, 0)) {
  for (const at::Tensor& weight : weights) {
    forward_.push_back(pack(join({weight}), half_channels_));
    backward_.push_back(
        pack(turned(join({weight}), half_channels_, in_channels_, 1), in_channels_));
  }
}

void PlaneReduction::load_half(int block, int half, float* out) const {
  const PlaneShape& shape = result_.shape;
  const PlaneShape& read = sources_[0].value->shape;
  for (int c = 0; c < in_channels_; ++c, out += shape.channel_stride()) {
    for (int i = 0; i < shape.images_of(block); ++i) {
      load_every_second(sources_[0].value->plane(shape.first_image(block) + i, c),
                        sources_[0].view(c), read.height, read.width, half,
                        out + i * shape.pixels());
    }
  }
}

void PlaneReduction::compute(int block, PlaneScratch& scratch, float* out) const {
  const PlaneShape& shape = result_.shape;
  const std::size_t stride = shape.channel_stride();
  const WholeBlock whole(shape.images_of(block) * shape.pixels());
  float* const input =
      scratch.take(PlaneScratch::input, static_cast<std::size_t>(in_channels_) * stride);
  for (int half = 0; half < 2; ++half) {
    load_half(block, half, input);
    multiply_planes(forward_[static_cast<std::size_t>(half)], terms_, input, whole.rows,
                    out + static_cast<std::size_t>(half * half_channels_) * stride,
                    static_cast<std::ptrdiff_t>(stride));
  }
}

void PlaneReduction::backward(int block, PlaneScratch& scratch, float* weight_sums) const {
  const PlaneShape& shape = result_.shape;
  const PlaneShape& read = sources_[0].value->shape;
  const std::size_t stride = shape.channel_stride();
  const auto in_size = static_cast<std::size_t>(in_channels_) * stride;
  const WholeBlock whole(shape.images_of(block) * shape.pixels());
  float* const gradient =
      scratch.take(PlaneScratch::gradient, static_cast<std::size_t>(2 * half_channels_) * stride);
  load_gradient(block, gradient);
  float* const input = scratch.take(PlaneScratch::input, in_size);
  float* const products = scratch.take(PlaneScratch::product, 2 * in_size);
  for (std::size_t half = 0; half < 2; ++half) {
    const float* const part = gradient + half * static_cast<std::size_t>(half_channels_) * stride;
    load_half(block, static_cast<int>(half), input);
    accumulate_products(part, static_cast<std::ptrdiff_t>(stride), half_channels_, input, terms_,
                        whole.rows, weight_sums + half * num_weight_sums() / 2);
    multiply_planes(backward_[half], gradient_terms_, part, whole.rows, products + half * in_size,
                    static_cast<std::ptrdiff_t>(stride));
  }
  if (!sources_[0].wants_gradient()) return;
  float* const plane = scratch.take(PlaneScratch::plane, static_cast<std::size_t>(read.pixels()));
  for (int c = 0; c < in_channels_; ++c) {
    for (int i = 0; i < shape.images_of(block); ++i) {
      const float* const even =
          products + static_cast<std::size_t>(c) * stride + i * shape.pixels();
      spread_even_and_odd(even, even + in_size, read.height, read.width, plane);
      sources_[0].deposit(shape.first_image(block) + i, c, plane);
    }
  }
}

std::size_t PlaneReduction::num_weight_sums() const {
  return 2 * static_cast<std::size_t>(half_channels_) * terms_.size();
}

std::vector<at::Tensor> PlaneReduction::weight_gradients(std::span<const float> sums) const {
  const std::size_t half = sums.size() / 2;
  return {tensor_of(sums.first(half), {half_channels_, in_channels_, 1, 1}),
          tensor_of(sums.last(half), {half_channels_, in_channels_, 1, 1})};
}

}  // namespace enas::nn
