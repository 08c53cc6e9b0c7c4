// SPDX-License-Identifier: Apache-2.0
#include "supernet/image_weights.hpp"

#include <torch/torch.h>

#include <utility>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "nn/convolution.hpp"

namespace enas::supernet {

void ImageWeights::add_convolution(std::string name, std::int64_t out, std::int64_t in,
                                   std::int64_t k, std::int64_t num_blocks) {
  entries_.push_back({{std::move(name), {out, in, k, k}}, num_blocks * in * k * k});
}

void ImageWeights::add_depthwise(std::string name, std::int64_t channels, std::int64_t k) {
  entries_.push_back({{std::move(name), {channels, 1, k, k}}, k * k});
}

void ImageWeights::add_norm(std::string name, std::int64_t channels) {
  entries_.push_back({{std::move(name), {2, channels}}, 0});
}

void ImageWeights::add_reduction(const std::string& name, std::int64_t out, std::int64_t in) {
  add_convolution(concat(name, "/even"), out / 2, in, 1);
  add_convolution(concat(name, "/odd"), out / 2, in, 1);
  add_norm(concat(name, "/norm"), out);
}

void ImageWeights::add_linear(std::string name, std::int64_t out, std::int64_t in) {
  entries_.push_back({{std::move(name), {out, in}}, in});
}

std::vector<WeightShape> ImageWeights::shapes() const {
  std::vector<WeightShape> shapes;
  shapes.reserve(entries_.size());
  for (const Entry& entry : entries_) shapes.push_back(entry.shape);
  return shapes;
}

std::vector<Weight> ImageWeights::make(std::uint64_t seed) const {
  std::vector<Weight> weights;
  weights.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    const RandomStream random(seed, {Purpose::supernet_weights, name_address(entry.shape.name)});
    at::Tensor value = nn::initial_image_weight(entry.shape.sizes, entry.fan_in, random);
    weights.push_back({entry.shape.name, std::move(value), /*decays=*/entry.fan_in > 0});
  }
  return weights;
}

WeightNumbers::WeightNumbers(const std::vector<Weight>& weights) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const bool is_new = numbers_.emplace(weights[i].name, static_cast<int>(i)).second;
    expect(is_new, "weights have different names");
  }
}

int WeightNumbers::operator()(const std::string& name) const {
  const auto found = numbers_.find(name);
  expect(found != numbers_.end(), concat("there is a weight called ", name));
  return found->second;
}

void check_at_least(std::string_view key, std::int64_t value, std::int64_t least) {
  if (value >= least) return;
  throw ConfigError(concat("supernet.", key, " is ", value, "; it must be at least ", least));
}

void check_even(std::string_view key, std::int64_t value) {
  if (value % 2 == 0) return;
  throw ConfigError(concat("supernet.", key, " is ", value,
                           "; it must be even: each half of a factorized reduction gives half of "
                           "the channels"));
}

void check_drop(std::string_view key, double value) {
  if (value >= 0.0 && value < 1.0) return;
  throw ConfigError(concat("supernet.", key, " is ", value, "; it must be in [0, 1)"));
}

void check_epsilon(std::string_view key, double value) {
  if (value > 0.0) return;
  throw ConfigError(concat("supernet.", key, " is ", value, "; it must be greater than 0"));
}

void check_classes(const DataShape& data) {
  if (data.channels < 1) {
    throw ConfigError(concat("images have ", data.channels, " channels; at least 1 is needed"));
  }
  if (data.num_classes < 2) {
    throw ConfigError(concat("there are ", data.num_classes, " classes; at least 2 are needed"));
  }
}

}  // namespace enas::supernet
