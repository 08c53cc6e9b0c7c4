// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "nn/plane/convolutions.hpp"

namespace enas::nn {
namespace {

int size(const at::Tensor& tensor, int dimension) {
  return static_cast<int>(tensor.size(dimension));
}

}  // namespace

PlaneSeparable::PlaneSeparable(std::vector<PlaneSource> sources,
                               const std::vector<at::Tensor>& weights, PlaneValue& result)
    : PlaneStep(std::move(sources), result),
      kernel_(size(weights[0], 2)),
      in_channels_(size(weights[0], 0)),
      out_channels_(size(weights[1], 0)),
      border_(kernel_ / 2),
      pitch_(result.shape.width + 2 * border_),
      padded_size_(static_cast<std::size_t>((result.shape.height + 2 * border_) * pitch_)),
      depthwise_(join({weights[0]})),
      flipped_(turned(depthwise_, in_channels_, 1, kernel_ * kernel_)),
      forward_(pack(join({weights[1]}), out_channels_)),
      backward_(pack(turned(join({weights[1]}), out_channels_, in_channels_, 1), in_channels_)),
      terms_(make_terms(in_channels_, result.shape.channel_stride(), 1, 0)),
      gradient_terms_(make_terms(out_channels_, result.shape.channel_stride(), 1, 0)) {
  expect(kernel_ == 3 || kernel_ == 5, "a separable convolution is 3×3 or 5×5");
}

void PlaneSeparable::compute(int block, PlaneScratch& scratch, float* out) const {
  const PlaneShape& shape = result_.shape;
  const PlaneSource& source = sources_[0];
  const int images = shape.images_of(block);
  const std::size_t stride = shape.channel_stride();
  const int area = kernel_ * kernel_;
  float* const padded = scratch.take(PlaneScratch::padded_input, padded_size_);
  float* const between =
      scratch.take(PlaneScratch::input, static_cast<std::size_t>(in_channels_) * stride);
  for (int c = 0; c < in_channels_; ++c) {
    const PixelView view = source.view(c);
    for (int i = 0; i < images; ++i) {
      load_padded(source.value->plane(shape.first_image(block) + i, c), view, shape.height,
                  shape.width, border_, 0.0F, pitch_, padded);
      depthwise_plane(padded, pitch_, depthwise_.data() + c * area, kernel_,
                      between + static_cast<std::size_t>(c) * stride + i * shape.pixels(),
                      shape.height, shape.width);
    }
  }
  const WholeBlock whole(images * shape.pixels());
  multiply_planes(forward_, terms_, between, whole.rows, out, static_cast<std::ptrdiff_t>(stride));
}

void PlaneSeparable::backward(int block, PlaneScratch& scratch, float* weight_sums) const {
  const PlaneShape& shape = result_.shape;
  const PlaneSource& source = sources_[0];
  const int images = shape.images_of(block);
  const std::size_t stride = shape.channel_stride();
  const int area = kernel_ * kernel_;
  const WholeBlock whole(images * shape.pixels());
  float* const gradient =
      scratch.take(PlaneScratch::gradient, static_cast<std::size_t>(out_channels_) * stride);
  load_gradient(block, gradient);
  float* const product =  // gradient of what is between depthwise and 1×1
      scratch.take(PlaneScratch::product, static_cast<std::size_t>(in_channels_) * stride);
  multiply_planes(backward_, gradient_terms_, gradient, whole.rows, product,
                  static_cast<std::ptrdiff_t>(stride));
  float* const between =
      scratch.take(PlaneScratch::input, static_cast<std::size_t>(in_channels_) * stride);
  float* const padded = scratch.take(PlaneScratch::padded_input, padded_size_);
  float* const padded_product = scratch.take(PlaneScratch::padded_gradient, padded_size_);
  float* const plane = scratch.take(PlaneScratch::plane, static_cast<std::size_t>(shape.pixels()));
  for (int c = 0; c < in_channels_; ++c) {
    const PixelView view = source.view(c);
    for (int i = 0; i < images; ++i) {
      const int image = shape.first_image(block) + i;
      const std::size_t place =
          static_cast<std::size_t>(c) * stride + static_cast<std::size_t>(i * shape.pixels());
      load_padded(source.value->plane(image, c), view, shape.height, shape.width, border_, 0.0F,
                  pitch_, padded);
      depthwise_plane(padded, pitch_, depthwise_.data() + c * area, kernel_, between + place,
                      shape.height, shape.width);
      depthwise_weight_sums(padded, pitch_, product + place, kernel_, shape.height, shape.width,
                            weight_sums + c * area);
      if (!source.wants_gradient()) continue;
      load_padded(product + place, {}, shape.height, shape.width, border_, 0.0F, pitch_,
                  padded_product);
      depthwise_plane(padded_product, pitch_, flipped_.data() + c * area, kernel_, plane,
                      shape.height, shape.width);
      source.deposit(image, c, plane);
    }
  }
  accumulate_products(gradient, static_cast<std::ptrdiff_t>(stride), out_channels_, between, terms_,
                      whole.rows, weight_sums + depthwise_.size());
}

std::size_t PlaneSeparable::num_weight_sums() const {
  return depthwise_.size() + static_cast<std::size_t>(out_channels_) * terms_.size();
}

std::vector<at::Tensor> PlaneSeparable::weight_gradients(std::span<const float> sums) const {
  return {tensor_of(sums.first(depthwise_.size()), {in_channels_, 1, kernel_, kernel_}),
          tensor_of(sums.subspan(depthwise_.size()), {out_channels_, in_channels_, 1, 1})};
}

}  // namespace enas::nn
