// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "nn/plane/convolutions.hpp"

namespace enas::nn {
namespace {

int size(const at::Tensor& tensor, int dimension) {
  return static_cast<int>(tensor.size(dimension));
}

}  // namespace

PlaneConvolution::PlaneConvolution(std::vector<PlaneSource> sources,
                                   const std::vector<at::Tensor>& weights, PlaneValue& result)
    : PlaneStep(std::move(sources), result),
      kernel_(size(weights[0], 2)),
      in_channels_(std::accumulate(weights.begin(), weights.end(), 0,
                                   [](int sum, const auto& w) { return sum + size(w, 1); })),
      out_channels_(size(weights[0], 0)),
      border_(kernel_ / 2),
      pitch_(result.shape.width + 2 * border_),
      plane_size_((result.shape.height + 2 * border_) * pitch_),
      stride_(result.shape.channel_stride_of(plane_size_)),
      forward_(pack(join(weights), out_channels_)),
      backward_(pack(turned(join(weights), out_channels_, in_channels_, kernel_ * kernel_),
                     in_channels_)),
      terms_(make_terms(in_channels_, stride_, kernel_, pitch_)),
      gradient_terms_(make_terms(out_channels_, stride_, kernel_, pitch_)) {
  const PlaneShape& shape = result.shape;
  const BlockRows::Layout padded{plane_size_, pitch_, 0};
  rows_ = {shape, padded, {shape.pixels(), shape.width, 0}};
  padded_rows_ = {shape, padded, {plane_size_, pitch_, border_ * pitch_ + border_}};
}

float* PlaneConvolution::load_input(int block, PlaneScratch& scratch) const {
  const PlaneShape& shape = result_.shape;
  float* const input =
      scratch.take(PlaneScratch::padded_input, static_cast<std::size_t>(in_channels_) * stride_);
  float* out = input;
  for (const PlaneSource& source : sources_) {
    const int channels = source.value->shape.channels;
    if (kernel_ == 1) {
      load_block(source, block, out);
      out += static_cast<std::size_t>(channels) * stride_;
      continue;
    }
    for (int c = 0; c < channels; ++c, out += stride_) {
      const PixelView view = source.view(c);
      for (int i = 0; i < shape.images_of(block); ++i) {
        load_padded(source.value->plane(shape.first_image(block) + i, c), view, shape.height,
                    shape.width, border_, 0.0F, pitch_, out + i * plane_size_);
      }
    }
  }
  return input;
}

float* PlaneConvolution::load_output_gradient(int block, PlaneScratch& scratch) const {
  const PlaneShape& shape = result_.shape;
  float* const gradient = scratch.take(PlaneScratch::padded_gradient,
                                       static_cast<std::size_t>(out_channels_) * stride_);
  if (kernel_ == 1) {
    load_gradient(block, gradient);
    return gradient;
  }
  for (int c = 0; c < out_channels_; ++c) {
    for (int i = 0; i < shape.images_of(block); ++i) {
      const int image = shape.first_image(block) + i;
      const float* const g = result_.gradient_plane(image, c);
      float* const out = gradient + static_cast<std::size_t>(c) * stride_ + i * plane_size_;
      if (!result_.has_norm) {
        load_padded(g, {}, shape.height, shape.width, border_, 0.0F, pitch_, out);
        continue;
      }
      const auto& raw = result_.raw_gradient[static_cast<std::size_t>(c)];
      load_padded_combination(g, result_.plane(image, c), raw.scale, raw.slope, raw.shift,
                              shape.height, shape.width, border_, pitch_, out);
    }
  }
  return gradient;
}

void PlaneConvolution::compute(int block, PlaneScratch& scratch, float* out) const {
  const float* const input = load_input(block, scratch);
  const PlaneShape& shape = result_.shape;
  const int images = shape.images_of(block);
  const auto stride = static_cast<std::ptrdiff_t>(shape.channel_stride());
  const WholeBlock whole(images * shape.pixels());
  multiply_planes(forward_, terms_, input, kernel_ == 1 ? whole.rows : rows_.of(images), out,
                  stride);
}

void PlaneConvolution::backward(int block, PlaneScratch& scratch, float* weight_sums) const {
  const PlaneShape& shape = result_.shape;
  const int images = shape.images_of(block);
  const WholeBlock whole(images * shape.pixels());
  const float* const gradient = load_output_gradient(block, scratch);
  const float* const input = load_input(block, scratch);
  accumulate_products(gradient, static_cast<std::ptrdiff_t>(stride_), out_channels_, input, terms_,
                      kernel_ == 1 ? whole.rows : padded_rows_.of(images), weight_sums);
  if (std::none_of(sources_.begin(), sources_.end(),
                   [](const PlaneSource& source) { return source.wants_gradient(); })) {
    return;
  }
  const std::size_t stride = shape.channel_stride();
  float* product =
      scratch.take(PlaneScratch::product, static_cast<std::size_t>(in_channels_) * stride);
  multiply_planes(backward_, gradient_terms_, gradient,
                  kernel_ == 1 ? whole.rows : rows_.of(images), product,
                  static_cast<std::ptrdiff_t>(stride));
  for (const PlaneSource& source : sources_) {
    deposit_block(source, block, product);
    product += static_cast<std::size_t>(source.value->shape.channels) * stride;
  }
}

std::size_t PlaneConvolution::num_weight_sums() const {
  return static_cast<std::size_t>(out_channels_) * terms_.size();
}

std::vector<at::Tensor> PlaneConvolution::weight_gradients(std::span<const float> sums) const {
  std::vector<at::Tensor> gradients;
  std::size_t first = 0;
  for (const PlaneSource& source : sources_) {
    const int channels = source.value->shape.channels;
    const auto row = static_cast<std::size_t>(channels * kernel_ * kernel_);
    at::Tensor gradient = at::empty({out_channels_, channels, kernel_, kernel_}, at::kFloat);
    for (std::size_t o = 0; o < static_cast<std::size_t>(out_channels_); ++o) {
      const auto part = sums.subspan(o * terms_.size() + first, row);
      std::copy(part.begin(), part.end(), gradient.data_ptr<float>() + o * row);
    }
    gradients.push_back(gradient);
    first += row;
  }
  return gradients;
}

}  // namespace enas::nn
