// SPDX-License-Identifier: Apache-2.0
#include "nn/plane/steps.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"
#include "nn/plane/convolutions.hpp"

namespace enas::nn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// 3×3 pools of one image.
class PlanePool final : public PlaneStep {
 public:
  PlanePool(std::vector<PlaneSource> sources, PlaneValue& result, bool largest)
      : PlaneStep(std::move(sources), result),
        largest_(largest),
        pitch_(result.shape.width + 2),
        padded_size_(static_cast<std::size_t>((result.shape.height + 2) * pitch_)) {
    const PlaneShape& shape = result.shape;
    const auto count = [](int place, int size) { return 1 + (place > 0) + (place + 1 < size); };
    for (int y = 0; y < shape.height; ++y) {
      for (int x = 0; x < shape.width; ++x) {
        shares_.push_back(1.0F /
                          static_cast<float>(count(y, shape.height) * count(x, shape.width)));
      }
    }
    shares_.resize(shares_.size() + kPlaneSlack);
  }

  void backward(int block, PlaneScratch& scratch, float*) const override {
    const PlaneShape& shape = result_.shape;
    float* const plane =
        scratch.take(PlaneScratch::product, static_cast<std::size_t>(shape.pixels()));
    float* const padded = scratch.take(PlaneScratch::padded_input, padded_size_);
    for (int c = 0; c < shape.channels; ++c) {
      for (int i = 0; i < shape.images_of(block); ++i) {
        const int image = shape.first_image(block) + i;
        const float* const gradient = gradient_plane(image, c, scratch);
        if (largest_) {
          spread_to_largest(image, c, gradient, scratch, plane);
        } else {
          multiply(gradient, shares_.data(), num_pixels(), plane);
          load_padded(plane, {}, shape.height, shape.width, 1, 0.0F, pitch_, padded);
          box_sum_plane(padded, pitch_, plane, shape.height, shape.width);
        }
        sources_[0].deposit(image, c, plane);
      }
    }
  }

 private:
  void compute(int block, PlaneScratch& scratch, float* out) const override {
    const PlaneShape& shape = result_.shape;
    float* const padded = scratch.take(PlaneScratch::padded_input, padded_size_);
    for (int c = 0; c < shape.channels; ++c, out += shape.channel_stride()) {
      for (int i = 0; i < shape.images_of(block); ++i) {
        float* const plane = out + i * shape.pixels();
        load_input(shape.first_image(block) + i, c, padded);
        if (largest_) {
          max_pool_plane(padded, pitch_, plane, shape.height, shape.width);
        } else {
          box_sum_plane(padded, pitch_, plane, shape.height, shape.width);
          multiply(plane, shares_.data(), num_pixels(), plane);
        }
      }
    }
  }

  std::size_t num_pixels() const { return static_cast<std::size_t>(result_.shape.pixels()); }

  void load_input(int image, int channel, float* padded) const {
    const PlaneShape& shape = result_.shape;
    load_padded(sources_[0].value->plane(image, channel), sources_[0].view(channel), shape.height,
                shape.width, 1, largest_ ? -kInfinity : 0.0F, pitch_, padded);
  }

  /// From the gradient of the result to that of what was pooled.
  void spread_to_largest(int image, int channel, const float* gradient, PlaneScratch& scratch,
                         float* plane) const {
    const PlaneShape& shape = result_.shape;
    float* const padded = scratch.take(PlaneScratch::padded_input, padded_size_);
    float* const spread = scratch.take(PlaneScratch::padded_gradient, padded_size_);
    std::fill(spread, spread + padded_size_, 0.0F);
    load_input(image, channel, padded);
    max_pool_plane_gradient(padded, pitch_, result_.plane(image, channel), gradient, spread,
                            shape.height, shape.width);
    for (int y = 0; y < shape.height; ++y) {
      const float* const row = spread + (y + 1) * pitch_ + 1;
      std::copy(row, row + shape.width, plane + y * shape.width);
    }
  }

  bool largest_;
  int pitch_;
  std::size_t padded_size_;
  std::vector<float> shares_;  // [H, W] and slack: one over the number of real pixels around
};

class PlaneSum final : public PlaneStep {
 public:
  using PlaneStep::PlaneStep;

  void backward(int block, PlaneScratch& scratch, float*) const override {
    const PlaneShape& shape = result_.shape;
    for (int c = 0; c < shape.channels; ++c) {
      for (int i = 0; i < shape.images_of(block); ++i) {
        const int image = shape.first_image(block) + i;
        const float* const gradient = gradient_plane(image, c, scratch);
        for (const PlaneSource& source : sources_) source.deposit(image, c, gradient);
      }
    }
  }

 private:
  void compute(int block, PlaneScratch&, float* out) const override {
    const PlaneShape& shape = result_.shape;
    const int first = shape.first_image(block);
    const auto count = static_cast<std::size_t>(shape.images_of(block) * shape.pixels());
    for (int c = 0; c < shape.channels; ++c, out += shape.channel_stride()) {
      load(sources_[0].value->plane(first, c), sources_[0].view(c), count, out);
      for (std::size_t i = 1; i < sources_.size(); ++i) {
        add(sources_[i].value->plane(first, c), sources_[i].view(c), count, out);
      }
    }
  }
};

}  // namespace

PixelView PlaneSource::view(int channel) const {
  PixelView view;
  if (value->has_norm) view = value->seen[static_cast<std::size_t>(channel)];
  view.relu = operand.relu;
  return view;
}

void PlaneSource::deposit(int image, int channel, const float* gradient) const {
  if (!wants_gradient()) return;
  if (!shares_gradient) {
    deposit_gradient(gradient, value->plane(image, channel), view(channel), count(),
                     operand.accumulates, value->gradient_plane(image, channel));
  }
  complete(image, channel);
}

void PlaneSource::deposit(int image, int channel, float gradient) const {
  if (!wants_gradient()) return;
  deposit_gradient(gradient, value->plane(image, channel), view(channel), count(),
                   operand.accumulates, value->gradient_plane(image, channel));
  complete(image, channel);
}

void PlaneSource::complete(int image, int channel) const {
  if (!operand.completes || !value->has_norm) return;
  value->sums[value->number(image, channel)] =
      gradient_sums(value->gradient_plane(image, channel), value->plane(image, channel),
                    value->mean[static_cast<std::size_t>(channel)], count());
}

void PlaneStep::forward(int block, PlaneScratch& scratch) const {
  const PlaneShape& shape = result_.shape;
  const int first = shape.first_image(block);
  compute(block, scratch, result_.plane(first, 0));
  for (int c = 0; result_.has_norm && c < shape.channels; ++c) {
    for (int i = 0; i < shape.images_of(block); ++i) {
      result_.moments[result_.number(first + i, c)] =
          plane_moments(result_.plane(first + i, c), static_cast<std::size_t>(shape.pixels()));
    }
  }
}

void PlaneStep::load_block(const PlaneSource& source, int block, float* out) {
  const PlaneShape& shape = source.value->shape;
  const auto count = static_cast<std::size_t>(shape.images_of(block) * shape.pixels());
  for (int c = 0; c < shape.channels; ++c, out += shape.channel_stride()) {
    load(source.value->plane(shape.first_image(block), c), source.view(c), count, out);
  }
}

void PlaneStep::load_gradient(int block, float* out) const {
  const PlaneShape& shape = result_.shape;
  const auto count = static_cast<std::size_t>(shape.images_of(block) * shape.pixels());
  const int first = shape.first_image(block);
  for (int c = 0; c < shape.channels; ++c, out += shape.channel_stride()) {
    if (!result_.has_norm) {
      load(result_.gradient_plane(first, c), {}, count, out);
      continue;
    }
    const auto& raw = result_.raw_gradient[static_cast<std::size_t>(c)];
    load_combination(result_.gradient_plane(first, c), result_.plane(first, c), raw.scale,
                     raw.slope, raw.shift, count, out);
  }
}

const float* PlaneStep::gradient_plane(int image, int channel, PlaneScratch& scratch) const {
  const float* const gradient = result_.gradient_plane(image, channel);
  if (!result_.has_norm) return gradient;
  const auto count = static_cast<std::size_t>(result_.shape.pixels());
  const auto& raw = result_.raw_gradient[static_cast<std::size_t>(channel)];
  float* const plane = scratch.take(PlaneScratch::plane, count);
  load_combination(gradient, result_.plane(image, channel), raw.scale, raw.slope, raw.shift, count,
                   plane);
  return plane;
}

void PlaneStep::deposit_block(const PlaneSource& source, int block, const float* gradient) {
  const PlaneShape& shape = source.value->shape;
  for (int c = 0; c < shape.channels; ++c, gradient += shape.channel_stride()) {
    for (int i = 0; i < shape.images_of(block); ++i) {
      source.deposit(shape.first_image(block) + i, c, gradient + i * shape.pixels());
    }
  }
}

PlaneShape plane_shape_of(const ImageStep& step, const std::vector<PlaneSource>& sources,
                          const std::vector<at::Tensor>& weights) {
  PlaneShape shape = sources[0].value->shape;
  if (weights.empty()) return shape;
  shape.channels = static_cast<int>(weights.back().size(0));
  if (step.kind == ImageStep::Kind::separable) return shape;
  if (step.kind != ImageStep::Kind::reduction) {
    shape.channels = static_cast<int>(weights[0].size(0));
    return shape;
  }
  shape.channels *= 2;
  shape.height = (shape.height + 1) / 2;
  shape.width = (shape.width + 1) / 2;
  return shape;
}

std::unique_ptr<PlaneStep> make_plane_step(const ImageStep& step, std::vector<PlaneSource> sources,
                                           const std::vector<at::Tensor>& weights,
                                           PlaneValue& result) {
  switch (step.kind) {
    case ImageStep::Kind::convolution:
    case ImageStep::Kind::merge:
      return std::make_unique<PlaneConvolution>(std::move(sources), weights, result);
    case ImageStep::Kind::separable:
      return std::make_unique<PlaneSeparable>(std::move(sources), weights, result);
    case ImageStep::Kind::reduction:
      return std::make_unique<PlaneReduction>(std::move(sources), weights, result);
    case ImageStep::Kind::avg_pool:
    case ImageStep::Kind::max_pool:
      return std::make_unique<PlanePool>(std::move(sources), result,
                                         step.kind == ImageStep::Kind::max_pool);
    case ImageStep::Kind::sum:
      return std::make_unique<PlaneSum>(std::move(sources), result);
    case ImageStep::Kind::norm:
    case ImageStep::Kind::relu:
      break;
  }
  throw ContractError("norms and ReLUs are not steps on planes");
}

}  // namespace enas::nn
