// SPDX-License-Identifier: Apache-2.0
#include "supernet/image_supernet.hpp"

#include <ATen/ops/empty.h>

#include <utility>

#include "nn/plane/memory.hpp"

namespace enas::supernet {
namespace {

/// More than the children of a step; then all are forgotten.
constexpr std::size_t kMaxChildren = 256;

}  // namespace

ImageSupernet::ImageSupernet(space::SearchSpace decisions, const DataShape& data,
                             const Training& training, const ImageWeights& weights,
                             std::uint64_t seed)
    : decisions_(std::move(decisions)),
      data_(data),
      training_(training),
      weights_(weights.make(seed)),
      numbers_(weights_),
      memory_(std::make_unique<nn::PlaneMemory>()) {}

ImageSupernet::~ImageSupernet() = default;

const ImageChild& ImageSupernet::child(const space::Architecture& architecture) const {
  const auto found = children_.find(architecture.tokens);
  if (found != children_.end()) return found->second;
  ImageChild made = build(architecture, numbers_);
  if (children_.size() >= kMaxChildren) children_.clear();
  return children_.emplace(architecture.tokens, std::move(made)).first->second;
}

std::vector<int> ImageSupernet::touched(const space::Architecture& architecture) const {
  return child(architecture).touched();
}

double ImageSupernet::forward_flops(const space::Architecture& architecture,
                                    at::IntArrayRef input_sizes) const {
  return child(architecture).forward_flops(weights_, input_sizes);
}

at::Tensor ImageSupernet::initial_state(std::int64_t) const { return at::empty({0}); }

Pass ImageSupernet::gradient(const space::Architecture& architecture, const Batch& batch,
                             at::Tensor&, const StepAddress& address) const {
  return child(architecture)
      .gradient(weights_, data_, batch, training_.drop_features, address, training_.kernels,
                *memory_);
}

Score ImageSupernet::score(const space::Architecture& architecture, const Batch& batch,
                           at::Tensor&) const {
  return child(architecture).score(weights_, data_, batch, training_.kernels, *memory_);
}

}  // namespace enas::supernet
