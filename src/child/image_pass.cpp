// SPDX-License-Identifier: Apache-2.0
#include "child/image_pass.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/text.hpp"
#include "nn/classification.hpp"
#include "nn/convolution.hpp"

namespace enas::child {
namespace {

using Kind = PlanStep::Kind;

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight, int stride) {
  const std::int64_t height = weight.size(2);
  const std::int64_t width = weight.size(3);
  const bool is_odd = height % 2 == 1 && width % 2 == 1;
  if (stride == 1 && is_odd && height == width) return nn::convolution(input, weight);
  const std::int64_t groups = input.size(1) / weight.size(1);
  std::array<std::int64_t, 2> padding = {height / 2, width / 2};
  at::Tensor padded = input;
  if (!is_odd) {
    const std::int64_t top = (height - 1) / 2;
    const std::int64_t left = (width - 1) / 2;
    padded = at::constant_pad_nd(input, {left, width - 1 - left, top, height - 1 - top});
    padding = {0, 0};
  }
  return at::conv2d(padded, weight, {}, stride, padding, 1, groups);
}

at::Tensor shrink(const at::Tensor& input) {
  const std::int64_t height = std::min<std::int64_t>(input.size(2), 5);
  const std::int64_t width = std::min<std::int64_t>(input.size(3), 5);
  return at::avg_pool2d(input, {height, width}, 3);
}

/// Runs steps and keeps an image only until its last reader.
class Pass {
 public:
  Pass(const ImagePlan& plan, std::span<const at::Tensor> weights)
      : plan_(plan), weights_(weights) {}

  void use_averages(std::span<const at::Tensor> averages) { averages_ = averages; }
  void use_masks(const PassMasks& masks) { masks_ = &masks; }

  PassResult run(const at::Tensor& images, std::size_t num_steps) {
    const std::vector<PlanStep>& steps = plan_.steps();
    std::vector<std::size_t> last_reader(num_steps + 1, num_steps);  // for logits: nobody
    for (std::size_t i = 0; i < num_steps; ++i) {
      for (const int image : steps[i].images) last_reader[static_cast<std::size_t>(image)] = i;
    }
    images_.assign(num_steps + 1, {});
    images_[0] = images.contiguous(at::MemoryFormat::ChannelsLast);
    for (std::size_t i = 0; i < num_steps; ++i) {
      images_[i + 1] = compute(steps[i]);
      for (const int image : steps[i].images) {
        const auto place = static_cast<std::size_t>(image);
        if (last_reader[place] == i) images_[place].reset();
      }
    }
    const std::size_t main = plan_.num_main_steps();
    return {images_[main], num_steps > main ? images_[num_steps] : at::Tensor(),
            std::move(statistics_)};
  }

 private:
  const at::Tensor& image(const PlanStep& step, std::size_t i = 0) const {
    return images_[static_cast<std::size_t>(step.images[i])];
  }
  const at::Tensor& weight(const PlanStep& step, std::size_t i = 0) const {
    return weights_[static_cast<std::size_t>(step.weights[i])];
  }

  at::Tensor compute(const PlanStep& step) {
    switch (step.kind) {
      case Kind::convolution:
        return convolution(image(step), weight(step), step.stride);
      case Kind::norm:
        return masks_ != nullptr ? batch_norm(step) : average_norm(step);
      case Kind::relu:
        return at::relu(image(step));
      case Kind::avg_pool:
        return at::avg_pool2d(image(step), 3, step.stride, 1, /*ceil_mode=*/false,
                              /*count_include_pad=*/false);
      case Kind::max_pool:
        return at::max_pool2d(image(step), 3, step.stride, 1);
      case Kind::reduction:
        return nn::factorized_reduction(image(step), weight(step, 0), weight(step, 1));
      case Kind::concatenate:
        return concatenate(step);
      case Kind::sum:
        return at::add(image(step, 0), image(step, 1));
      case Kind::drop_path:
        return drop_path(step);
      case Kind::shrink:
        return shrink(image(step));
      case Kind::classify:
        return classify(step);
    }
    expect(false, "a step has a known kind");
    return {};
  }

  at::Tensor batch_norm(const PlanStep& step) {
    const at::Tensor& input = image(step);
    if (input.numel() == input.size(1)) {
      throw ConfigError(concat("the batch norm ",
                               plan_.norms()[static_cast<std::size_t>(step.number)],
                               " sees one pixel of one image; its variance needs at least 2: raise "
                               "train.batch_size, or take larger images"));
    }
    const std::vector<at::Tensor> scale_offset = weight(step).unbind(0);
    // With a momentum of 1 LibTorch leaves exactly this batch's statistics here.
    const at::Tensor mean = at::zeros({input.size(1)}, input.options());
    const at::Tensor variance = at::zeros({input.size(1)}, input.options());
    const at::Tensor output = at::batch_norm(
        input, scale_offset[0], scale_offset[1], mean, variance,
        /*training=*/true, /*momentum=*/1.0, plan_.norm_epsilon(), /*cudnn_enabled=*/false);
    statistics_.push_back(mean);
    statistics_.push_back(variance);
    nn::ask_for_fast_gradient(output);
    return output;
  }

  at::Tensor average_norm(const PlanStep& step) const {
    const auto place = 2 * static_cast<std::size_t>(step.number);
    const std::vector<at::Tensor> scale_offset = weight(step).unbind(0);
    return at::batch_norm(image(step), scale_offset[0], scale_offset[1], averages_[place],
                          averages_[place + 1], /*training=*/false, /*momentum=*/0.0,
                          plan_.norm_epsilon(), /*cudnn_enabled=*/false);
  }

  at::Tensor concatenate(const PlanStep& step) const {
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < step.images.size(); ++i) parts.push_back(image(step, i));
    return at::cat(parts, 1);
  }

  at::Tensor mask(double keep, int number, at::IntArrayRef sizes, at::Device device) const {
    return nn::dropout_mask(keep, static_cast<std::uint64_t>(number), masks_->address, sizes,
                            device);
  }

  at::Tensor drop_path(const PlanStep& step) const {
    const at::Tensor& input = image(step);
    if (masks_ == nullptr) return input;
    const double keep = 1.0 - masks_->progress * (1.0 - step.keep);
    return at::mul(input, mask(keep, 1 + step.number, {input.size(0), 1, 1, 1}, input.device()));
  }

  at::Tensor classify(const PlanStep& step) const {
    at::Tensor features = nn::global_average(image(step));
    if (masks_ != nullptr && masks_->dropout > 0.0 && step.number == 0) {
      features =
          at::mul(features, mask(1.0 - masks_->dropout, 0, features.sizes(), features.device()));
    }
    return at::linear(features, weight(step));
  }

  const ImagePlan& plan_;
  std::span<const at::Tensor> weights_;
  std::span<const at::Tensor> averages_;
  const PassMasks* masks_ = nullptr;  // null when scoring
  std::vector<at::Tensor> images_;
  std::vector<at::Tensor> statistics_;
};

}  // namespace

PassResult training_pass(const ImagePlan& plan, const at::Tensor& images,
                         std::span<const at::Tensor> weights, const PassMasks& masks) {
  Pass pass(plan, weights);
  pass.use_masks(masks);
  return pass.run(images, plan.steps().size());
}

at::Tensor scoring_pass(const ImagePlan& plan, const at::Tensor& images,
                        std::span<const at::Tensor> weights, std::span<const at::Tensor> averages) {
  Pass pass(plan, weights);
  pass.use_averages(averages);
  return pass.run(images, plan.num_main_steps()).logits;
}

}  // namespace enas::child
