// SPDX-License-Identifier: Apache-2.0
#include "supernet/image_child.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <optional>
#include <set>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "nn/classification.hpp"
#include "nn/gradients.hpp"
#include "nn/plane/pass.hpp"

namespace enas::supernet {
namespace {

using Kind = nn::ImageStep::Kind;

void check_batch(const Batch& batch, const DataShape& data) {
  expect(batch.input.dim() == 4 && batch.input.numel() > 0 &&
             batch.input.size(1) == data.channels && batch.input.scalar_type() == at::kFloat,
         "a batch holds float32 images [B, C, H, W] with the supernet's channels");
  expect(batch.target.dim() == 1 && batch.target.size(0) == batch.input.size(0) &&
             batch.target.scalar_type() == at::kLong,
         "a batch holds one class for each image");
}

/// There are planes on the CPU only.
bool use_planes(Kernels kernels, const at::Tensor& weight) {
  return kernels == Kernels::fused && weight.device().is_cpu();
}

}  // namespace

int ImageChild::add(nn::ImageStep step) {
  expect(touched_.empty(), "nothing comes after the classifier");
  program_.steps.push_back(std::move(step));
  return static_cast<int>(program_.steps.size());
}

int ImageChild::add_once(Kind kind, int image) {
  const auto [place, is_new] = weightless_.try_emplace({kind, image}, 0);
  if (is_new) place->second = add({kind, {image}, {}});
  return place->second;
}

int ImageChild::convolution(int image, int weight) {
  return add({Kind::convolution, {image}, {weight}});
}

int ImageChild::separable(int image, int depthwise, int pointwise) {
  return add({Kind::separable, {image}, {depthwise, pointwise}});
}

int ImageChild::norm(int image, int weight, double epsilon) {
  return add({Kind::norm, {image}, {weight}, epsilon});
}

int ImageChild::norm_relu(int image, int weight, double epsilon) {
  return relu(norm(image, weight, epsilon));
}

int ImageChild::reduction(int image, const std::array<int, 3>& even_odd_norm, double epsilon) {
  const int halves = add({Kind::reduction, {image}, {even_odd_norm[0], even_odd_norm[1]}});
  return norm(halves, even_odd_norm[2], epsilon);
}

int ImageChild::relu(int image) { return add_once(Kind::relu, image); }

int ImageChild::avg_pool(int image) { return add_once(Kind::avg_pool, image); }

int ImageChild::max_pool(int image) { return add_once(Kind::max_pool, image); }

int ImageChild::sum(const std::vector<int>& images) {
  expect(!images.empty(), "a sum has terms");
  return images.size() == 1 ? images[0] : add({Kind::sum, images, {}});
}

int ImageChild::merge(const std::vector<int>& images, const std::vector<int>& blocks) {
  expect(!images.empty() && images.size() == blocks.size(), "a merge has one block for each image");
  std::vector<int> active;
  for (const int image : images) active.push_back(relu(image));
  return add({Kind::merge, active, blocks});
}

void ImageChild::classify(int image, int weight) {
  expect(touched_.empty(), "there is one classifier");
  program_.output = image;
  std::set<int> numbers = {weight};
  for (const auto& step : program_.steps) numbers.insert(step.weights.begin(), step.weights.end());
  touched_.assign(numbers.begin(), numbers.end());
  const auto place_of = [&](int number) {
    return std::lower_bound(touched_.begin(), touched_.end(), number) - touched_.begin();
  };
  for (auto& step : program_.steps) {
    for (int& number : step.weights) number = static_cast<int>(place_of(number));
  }
  head_ = static_cast<std::size_t>(place_of(weight));
}

ImageChild::Tensors ImageChild::values(const std::vector<Weight>& weights) const {
  expect(!touched_.empty(), "a child ends with a classifier");
  Tensors values;
  values.reserve(touched_.size());
  for (const int number : touched_) {
    values.push_back(weights[static_cast<std::size_t>(number)].value);
  }
  return values;
}

Pass ImageChild::gradient(const std::vector<Weight>& weights, const DataShape& data,
                          const Batch& batch, double drop_features, const StepAddress& address,
                          Kernels kernels, nn::PlaneMemory& memory) const {
  check_batch(batch, data);
  Stopwatch watch;
  const at::AutoGradMode with_gradients(true);  // whatever the caller's mode is
  Tensors leaves;
  for (const at::Tensor& value : values(weights)) {
    leaves.push_back(value.detach().requires_grad_());
  }
  const at::Tensor& head = leaves[head_];
  std::optional<nn::PlanePass> planes;
  at::Tensor features;
  if (use_planes(kernels, head)) {
    planes.emplace(program_, leaves, memory, /*keep=*/true);
    features = planes->forward(batch.input).requires_grad_();
  } else {
    features = nn::eager_features(program_, batch.input.detach(), leaves);
  }
  at::Tensor kept = features;
  if (drop_features > 0.0) {
    kept = features *
           nn::dropout_mask(1.0 - drop_features, 0, address, features.sizes(), features.device());
  }
  const at::Tensor outputs = at::linear(kept, head);
  const at::Tensor loss = nn::mean_cross_entropy(outputs, batch.target);

  Pass result;
  result.loss = loss.item<double>();
  result.correct = nn::count_correct(outputs.detach(), batch.target);
  result.forward_s = watch.restart();
  if (planes) {
    const Tensors closing = nn::gradients(loss, {features, head});
    result.gradients = planes->backward(closing[0]);
    result.gradients[head_] = closing[1];
  } else {
    result.gradients = nn::gradients(loss, leaves);
  }
  result.backward_s = watch.seconds();
  return result;
}

Score ImageChild::score(const std::vector<Weight>& weights, const DataShape& data,
                        const Batch& batch, Kernels kernels, nn::PlaneMemory& memory) const {
  check_batch(batch, data);
  const c10::InferenceMode no_gradients;
  const Tensors all = values(weights);
  const at::Tensor features =
      use_planes(kernels, all[head_])
          ? nn::PlanePass(program_, all, memory, /*keep=*/false).forward(batch.input)
          : nn::eager_features(program_, batch.input, all);
  const at::Tensor outputs = at::linear(features, all[head_]);
  const at::Tensor nats =
      at::cross_entropy_loss(outputs.to(at::kDouble), batch.target, {}, at::Reduction::Sum);
  return {nats.item<double>(), nn::count_correct(outputs, batch.target), batch.target.size(0)};
}

double ImageChild::forward_flops(const std::vector<Weight>& weights,
                                 at::IntArrayRef input_sizes) const {
  const Tensors all = values(weights);
  return nn::convolution_flops(program_, input_sizes, all) +
         2.0 * static_cast<double>(input_sizes[0] * all[head_].numel());
}

}  // namespace enas::supernet
