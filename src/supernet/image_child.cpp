// SPDX-License-Identifier: Apache-2.0
#include "supernet/image_child.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "nn/convolution.hpp"

namespace enas::supernet {
namespace {

void check_batch(const Batch& batch, const ImageClasses& classes) {
  expect(batch.input.dim() == 4 && batch.input.numel() > 0 &&
             batch.input.size(1) == classes.channels && batch.input.scalar_type() == at::kFloat,
         "a batch holds float32 images [B, C, H, W] with the supernet's channels");
  expect(batch.target.dim() == 1 && batch.target.size(0) == batch.input.size(0) &&
             batch.target.scalar_type() == at::kLong,
         "a batch holds one class for each image");
}

at::Tensor feature_mask(double drop, at::IntArrayRef sizes, const StepAddress& address,
                        at::Device device) {
  if (drop == 0.0) return {};
  at::Tensor mask = at::empty(sizes, at::kFloat);
  RandomStream stream(address.seed, {Purpose::dropout, address.slot, address.step, 0});
  stream.fill_keep_mask({mask.data_ptr<float>(), static_cast<std::size_t>(mask.numel())},
                        1.0 - drop);
  return mask.to(device);
}

std::int64_t count_correct(const at::Tensor& logits, const at::Tensor& target) {
  return logits.argmax(1).eq(target).sum().item<std::int64_t>();
}

at::Tensor relu(const at::Tensor& image) { return at::relu(image); }

}  // namespace

int ImageChild::add(Step step) {
  expect(head_ < 0, "nothing comes after the classifier");
  steps_.push_back(std::move(step));
  return static_cast<int>(steps_.size());
}

int ImageChild::add_once(std::string_view name, int image,
                         at::Tensor (*compute)(const at::Tensor&)) {
  const auto [place, is_new] = weightless_.try_emplace({name, image}, 0);
  if (is_new) {
    place->second = add(
        {{image}, {}, [compute](const auto& images, const auto&) { return compute(images[0]); }});
  }
  return place->second;
}

int ImageChild::convolution(int image, int weight) {
  return add({{image}, {weight}, [](const auto& images, const auto& weights) {
                return nn::convolution(images[0], weights[0]);
              }});
}

int ImageChild::depthwise(int image, int weight) {
  return add({{image}, {weight}, [](const auto& images, const auto& weights) {
                return nn::depthwise_convolution(images[0], weights[0]);
              }});
}

int ImageChild::norm(int image, int weight, double epsilon) {
  return add({{image}, {weight}, [epsilon](const auto& images, const auto& weights) {
                return nn::batch_norm(images[0], weights[0], epsilon);
              }});
}

int ImageChild::norm_relu(int image, int weight, double epsilon) {
  return add({{image}, {weight}, [epsilon](const auto& images, const auto& weights) {
                // The norm's backward does not need its output.
                return nn::batch_norm(images[0], weights[0], epsilon).relu_();
              }});
}

int ImageChild::reduction(int image, const std::array<int, 3>& even_odd_norm, double epsilon) {
  return add({{image},
              {even_odd_norm.begin(), even_odd_norm.end()},
              [epsilon](const auto& images, const auto& weights) {
                return nn::factorized_reduction(images[0], weights[0], weights[1], weights[2],
                                                epsilon);
              }});
}

int ImageChild::relu(int image) { return add_once("relu", image, &supernet::relu); }

int ImageChild::avg_pool(int image) { return add_once("avg_pool", image, &nn::avg_pool_3x3); }

int ImageChild::max_pool(int image) { return add_once("max_pool", image, &nn::max_pool_3x3); }

int ImageChild::sum(const std::vector<int>& images) {
  expect(!images.empty(), "a sum has terms");
  if (images.size() == 1) return images[0];
  return add({images, {}, [](const auto& terms, const auto&) {
                at::Tensor total = terms[0] + terms[1];
                for (std::size_t i = 2; i < terms.size(); ++i) total.add_(terms[i]);
                return total;
              }});
}

int ImageChild::merge(const std::vector<int>& images, const std::vector<int>& blocks) {
  expect(!images.empty() && images.size() == blocks.size(), "a merge has one block for each image");
  return add({images, blocks, [](const auto& parts, const auto& weights) {
                return nn::convolution(at::cat(parts, 1).relu_(), at::cat(weights, 1));
              }});
}

void ImageChild::classify(int image, int weight) {
  expect(head_ < 0, "there is one classifier");
  classified_ = image;
  head_ = weight;
}

std::vector<int> ImageChild::touched() const {
  expect(head_ >= 0, "a child ends with a classifier");
  std::set<int> numbers = {head_};
  for (const Step& step : steps_) numbers.insert(step.weights.begin(), step.weights.end());
  return {numbers.begin(), numbers.end()};
}

at::Tensor ImageChild::logits(const at::Tensor& input, const Tensors& weights,
                              const at::Tensor& mask) const {
  const auto index = [](int number) { return static_cast<std::size_t>(number); };
  // An image is dropped after its last reader: what the backward needs, autograd keeps.
  std::vector<int> readers(steps_.size() + 1, 0);
  for (const Step& step : steps_) {
    for (const int image : step.images) ++readers[index(image)];
  }
  ++readers[index(classified_)];
  Tensors images(steps_.size() + 1);
  images[0] = input.contiguous(at::MemoryFormat::ChannelsLast);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Tensors step_images;
    Tensors step_weights;
    for (const int image : steps_[i].images) step_images.push_back(images[index(image)]);
    for (const int weight : steps_[i].weights) step_weights.push_back(weights[index(weight)]);
    images[i + 1] = steps_[i].compute(step_images, step_weights);
    for (const int image : steps_[i].images) {
      if (--readers[index(image)] == 0) images[index(image)].reset();
    }
  }
  at::Tensor features = nn::global_average(images[index(classified_)]);
  if (mask.defined()) features = features * mask;
  return at::linear(features, weights[index(head_)]);
}

SlotGradient ImageChild::gradient(const std::vector<Weight>& weights, const ImageClasses& classes,
                                  const Batch& batch, double drop_features,
                                  const StepAddress& address) const {
  check_batch(batch, classes);
  Stopwatch watch;
  const at::AutoGradMode with_gradients(true);  // whatever the caller's mode is
  Tensors leaves;
  Tensors leaf_of(weights.size());
  for (const int number : touched()) {
    const auto index = static_cast<std::size_t>(number);
    leaf_of[index] = weights[index].value.detach().requires_grad_();
    leaves.push_back(leaf_of[index]);
  }
  const at::Tensor& head = leaf_of[static_cast<std::size_t>(head_)];
  const at::Tensor mask =
      feature_mask(drop_features, {batch.input.size(0), head.size(1)}, address, head.device());
  const at::Tensor outputs = logits(batch.input.detach(), leaf_of, mask);
  const at::Tensor loss = at::cross_entropy_loss(outputs.to(at::kDouble), batch.target);

  SlotGradient result;
  result.loss = loss.item<double>();
  result.correct = count_correct(outputs.detach(), batch.target);
  result.forward_s = watch.restart();
  result.gradients = torch::autograd::grad({loss}, leaves);
  result.backward_s = watch.seconds();
  return result;
}

Score ImageChild::score(const std::vector<Weight>& weights, const ImageClasses& classes,
                        const Batch& batch) const {
  check_batch(batch, classes);
  const c10::InferenceMode no_gradients;
  Tensors values;
  values.reserve(weights.size());
  for (const Weight& weight : weights) values.push_back(weight.value);
  const at::Tensor outputs = logits(batch.input, values, {});
  const at::Tensor nats =
      at::cross_entropy_loss(outputs.to(at::kDouble), batch.target, {}, at::Reduction::Sum);
  return {nats.item<double>(), count_correct(outputs, batch.target), batch.target.size(0)};
}

}  // namespace enas::supernet
