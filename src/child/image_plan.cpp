// SPDX-License-Identifier: Apache-2.0
#include "child/image_plan.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

using Kind = PlanStep::Kind;

// The auxiliary head.
constexpr std::int64_t kShrinkWindow = 5;
constexpr std::int64_t kShrinkStride = 3;
constexpr std::int64_t kProjectedChannels = 128;
constexpr std::int64_t kFullChannels = 768;

std::int64_t product(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t halved_upwards(std::int64_t size, int stride) { return (size + stride - 1) / stride; }

ImageSize strided(const ImageSize& size, int stride) {
  return {size[0], halved_upwards(size[1], stride), halved_upwards(size[2], stride)};
}

std::int64_t shrunk(std::int64_t size) {
  return size < kShrinkWindow ? 1 : (size - kShrinkWindow) / kShrinkStride + 1;
}

void check_at_least(const char* what, int value, int least) {
  if (value >= least) return;
  throw ConfigError(concat("images have ", what, " ", value, "; it must be at least ", least));
}

}  // namespace

ImagePlan::ImagePlan(const nn::DataShape& shape, double norm_epsilon)
    : shape_(shape), norm_epsilon_(norm_epsilon) {
  check_at_least("channels", shape.channels, 1);
  check_at_least("height", shape.height, 1);
  check_at_least("width", shape.width, 1);
  check_at_least("num_classes", shape.num_classes, 2);
  if (!(norm_epsilon > 0.0)) {
    throw ConfigError(
        concat("train.norm_epsilon is ", norm_epsilon, "; it must be greater than 0"));
  }
  sizes_.push_back({shape.channels, shape.height, shape.width});
}

int ImagePlan::add(PlanStep step, const ImageSize& size) {
  for (const int image : step.images) {
    expect(image >= 0 && image < static_cast<int>(sizes_.size()), "a step reads earlier images");
  }
  steps_.push_back(std::move(step));
  sizes_.push_back(size);
  return static_cast<int>(steps_.size());
}

int ImagePlan::add_once(PlanStep step, const ImageSize& size) {
  const std::array<int, 3> key = {static_cast<int>(step.kind), step.images[0], step.stride};
  const auto [place, is_new] = once_.try_emplace(key, 0);
  if (is_new) place->second = add(std::move(step), size);
  return place->second;
}

int ImagePlan::add_weight(PlannedWeight weight) {
  weights_.push_back(std::move(weight));
  return static_cast<int>(weights_.size()) - 1;
}

int ImagePlan::add_convolution(int image, PlannedWeight weight, int stride) {
  ImageSize out = strided(size(image), stride);
  out[0] = weight.sizes[0];
  multiply_adds_ += static_cast<double>(product(weight.sizes) * out[1] * out[2]);
  return add({.kind = Kind::convolution,
              .images = {image},
              .weights = {add_weight(std::move(weight))},
              .stride = stride},
             out);
}

int ImagePlan::convolution(int image, const std::string& name, std::int64_t out, int k,
                           int stride) {
  const std::int64_t in = size(image)[0];
  return add_convolution(image, {name, {out, in, k, k}, in * k * k}, stride);
}

int ImagePlan::depthwise(int image, const std::string& name, int k, int stride) {
  return add_convolution(image, {name, {size(image)[0], 1, k, k}, k * k}, stride);
}

int ImagePlan::norm(int image, const std::string& name) {
  const int number = static_cast<int>(norms_.size());
  norms_.push_back(name);
  return add({.kind = Kind::norm,
              .images = {image},
              .weights = {add_weight({name, {2, size(image)[0]}, 0})},
              .number = number},
             size(image));
}

int ImagePlan::relu(int image) {
  return add_once({.kind = Kind::relu, .images = {image}}, size(image));
}

int ImagePlan::avg_pool(int image, int stride) {
  return add_once({.kind = Kind::avg_pool, .images = {image}, .stride = stride},
                  strided(size(image), stride));
}

int ImagePlan::max_pool(int image, int stride) {
  return add_once({.kind = Kind::max_pool, .images = {image}, .stride = stride},
                  strided(size(image), stride));
}

int ImagePlan::reduction(int image, const std::string& name, std::int64_t out) {
  expect(out % 2 == 0, "each half of a factorized reduction gives half of the channels");
  const std::int64_t in = size(image)[0];
  ImageSize reduced = strided(size(image), 2);
  reduced[0] = out;
  multiply_adds_ += static_cast<double>(in * product({reduced.begin(), reduced.end()}));
  const int even = add_weight({name + "/even", {out / 2, in, 1, 1}, in});
  const int odd = add_weight({name + "/odd", {out / 2, in, 1, 1}, in});
  const int halves = add(
      {.kind = Kind::reduction, .images = {image}, .weights = {even, odd}, .stride = 2}, reduced);
  return norm(halves, name + "/norm");
}

int ImagePlan::concatenate(const std::vector<int>& images) {
  expect(!images.empty(), "a concatenation has parts");
  if (images.size() == 1) return images[0];
  ImageSize total = size(images[0]);
  total[0] = 0;
  for (const int image : images) {
    const ImageSize& part = size(image);
    expect(part[1] == total[1] && part[2] == total[2], "concatenated images have one size");
    total[0] += part[0];
  }
  return add({.kind = Kind::concatenate, .images = images}, total);
}

int ImagePlan::sum(int first, int second) {
  expect(size(first) == size(second), "summed images have one size");
  return add({.kind = Kind::sum, .images = {first, second}}, size(first));
}

int ImagePlan::drop_path(int image, double keep) {
  if (keep == 1.0) return image;
  const int number = num_drop_paths_++;
  return add({.kind = Kind::drop_path, .images = {image}, .number = number, .keep = keep},
             size(image));
}

int ImagePlan::add_classifier(int image, const std::string& name, int number) {
  const std::int64_t in = size(image)[0];
  const std::int64_t out = shape_.num_classes;
  multiply_adds_ += static_cast<double>(in * out);
  return add({.kind = Kind::classify,
              .images = {image},
              .weights = {add_weight({name, {out, in}, in})},
              .number = number},
             {out, 1, 1});
}

void ImagePlan::classify(int image) {
  expect(num_main_steps_ == 0, "there is one main classifier");
  num_main_steps_ = static_cast<std::size_t>(add_classifier(image, "head", 0));
}

void ImagePlan::classify_auxiliary(int image) {
  expect(num_main_steps_ > 0 && !has_auxiliary(),
         "there is one auxiliary classifier, after the main one");
  const double main_multiply_adds = multiply_adds_;
  const ImageSize& map = size(image);
  const ImageSize small = {map[0], shrunk(map[1]), shrunk(map[2])};
  image = add({.kind = Kind::shrink, .images = {relu(image)}}, small);
  image = convolution(image, "auxiliary/project", kProjectedChannels, 1);
  image = relu(norm(image, "auxiliary/project_norm"));
  // As large as the map.
  image = add_convolution(image,
                          {"auxiliary/full",
                           {kFullChannels, kProjectedChannels, small[1], small[2]},
                           kProjectedChannels * small[1] * small[2]},
                          1);
  image = relu(norm(image, "auxiliary/full_norm"));
  add_classifier(image, "auxiliary/head", 1);
  multiply_adds_ = main_multiply_adds;
}

std::int64_t ImagePlan::num_parameters() const {
  std::int64_t total = 0;
  for (const PlannedWeight& weight : weights_) total += product(weight.sizes);
  return total;
}

}  // namespace enas::child
