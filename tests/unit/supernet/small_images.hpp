// SPDX-License-Identifier: Apache-2.0
// Small convolutional supernets, their children and batches, and building blocks for writing the
// same networks in double and plain autograd.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "core/text.hpp"
#include "space/macro.hpp"
#include "space/micro.hpp"
#include "supernet/macro.hpp"
#include "supernet/micro.hpp"

namespace enas::supernet {

constexpr DataShape kSmallData{.channels = 2, .num_classes = 5};
constexpr StepAddress kImageAddress{7, 1, 40};

struct BatchSizes {
  std::int64_t count = 6;
  std::int64_t height = 9;
  std::int64_t width = 7;
};

inline Batch image_batch(const BatchSizes& sizes = {}, std::uint64_t number = 0) {
  RandomStream stream(4, {Purpose::test, 100, number});
  at::Tensor images =
      at::empty({sizes.count, kSmallData.channels, sizes.height, sizes.width}, at::kFloat);
  stream.fill_normal({images.data_ptr<float>(), static_cast<std::size_t>(images.numel())}, 1.0F);
  at::Tensor classes = at::empty({sizes.count}, at::kLong);
  for (std::int64_t i = 0; i < sizes.count; ++i) {
    classes[i] = static_cast<std::int64_t>(
        stream.next_below(static_cast<std::uint64_t>(kSmallData.num_classes)));
  }
  return {images.contiguous(at::MemoryFormat::ChannelsLast), classes};
}

inline space::Architecture random_macro(const space::MacroSpaceOptions& space,
                                        std::uint64_t number) {
  RandomStream stream(3, {Purpose::test, 200, number});
  std::vector<std::int32_t> tokens;
  for (int layer = 0; layer < space.layers; ++layer) {
    tokens.push_back(static_cast<std::int32_t>(stream.next_below(space.operations.size())));
    for (int bit = 0; bit < layer; ++bit) {
      tokens.push_back(static_cast<std::int32_t>(stream.next_below(2)));
    }
  }
  return {space::macro_space(space).id(), tokens};
}

inline space::Architecture random_micro(const space::MicroSpaceOptions& space,
                                        std::uint64_t number) {
  RandomStream stream(3, {Purpose::test, 300, number});
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 4 * (space.nodes - 2); ++i) {
    const int node = 2 + (i / 2) % (space.nodes - 2);
    tokens.push_back(
        static_cast<std::int32_t>(stream.next_below(static_cast<std::uint64_t>(node))));
    tokens.push_back(static_cast<std::int32_t>(stream.next_below(space.operations.size())));
  }
  return {space::micro_space(space).id(), tokens};
}

inline std::set<std::string> touched_names(const Supernet& net,
                                           const space::Architecture& architecture) {
  std::set<std::string> names;
  for (const int number : net.touched(architecture)) {
    names.insert(net.weights()[static_cast<std::size_t>(number)].name);
  }
  return names;
}

inline std::int64_t count_values(const std::vector<WeightShape>& shapes) {
  std::int64_t count = 0;
  for (const WeightShape& shape : shapes) count += shape.count();
  return count;
}

inline Pass gradient_of(const Supernet& net, const space::Architecture& architecture,
                        const Batch& batch = image_batch(),
                        const StepAddress& address = kImageAddress) {
  at::Tensor state = net.initial_state(batch.input.size(0));
  return net.gradient(architecture, batch, state, address);
}

inline Score score_of(const Supernet& net, const space::Architecture& architecture,
                      const Batch& batch = image_batch()) {
  at::Tensor state = net.initial_state(batch.input.size(0));
  return net.score(architecture, batch, state);
}

inline bool same_gradients(const Pass& a, const Pass& b) {
  return a.loss == b.loss && a.correct == b.correct &&
         std::equal(a.gradients.begin(), a.gradients.end(), b.gradients.begin(), b.gradients.end(),
                    [](const at::Tensor& x, const at::Tensor& y) { return at::equal(x, y); });
}

/// The weights of a supernet as leaves in double, by name; remembers which were asked for.
class DoubleWeights {
 public:
  explicit DoubleWeights(const Supernet& net) {
    for (const Weight& weight : net.weights()) {
      leaves_[weight.name] = weight.value.to(at::kDouble).requires_grad_();
    }
  }
  at::Tensor operator()(const std::string& name) {
    asked_.insert(name);
    return leaves_.at(name);
  }
  const std::set<std::string>& asked() const { return asked_; }

  /// A kink of the network was passed at this distance.
  void note_kink(const at::Tensor& distances) {
    const at::Tensor positive = distances.masked_select(distances.gt(0));
    if (positive.numel() > 0) margin_ = std::min(margin_, positive.min().item<double>());
  }
  /// The smallest distance from a kink: no nearer, and float32 is on the same side.
  double margin() const { return margin_; }

 private:
  std::map<std::string, at::Tensor> leaves_;
  std::set<std::string> asked_;
  double margin_ = 1.0;
};

/// Layers in double, from their definitions.
struct DoubleLayers {
  DoubleWeights& weight;

  at::Tensor convolution(const at::Tensor& x, const std::string& name) const {
    namespace F = torch::nn::functional;
    const at::Tensor w = weight(name);
    return F::conv2d(x, w, F::Conv2dFuncOptions().padding(w.size(2) / 2));
  }
  at::Tensor depthwise(const at::Tensor& x, const std::string& name) const {
    namespace F = torch::nn::functional;
    const at::Tensor w = weight(name);
    return F::conv2d(x, w, F::Conv2dFuncOptions().padding(w.size(2) / 2).groups(x.size(1)));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name, double epsilon) const {
    const at::Tensor w = weight(name);
    const at::Tensor centred = x - x.mean({0, 2, 3}, true);
    const at::Tensor variance = centred.square().mean({0, 2, 3}, true);
    return centred / (variance + epsilon).sqrt() * w[0].view({1, -1, 1, 1}) +
           w[1].view({1, -1, 1, 1});
  }
  at::Tensor avg_pool(const at::Tensor& x) const {
    const at::Tensor real = at::ones_like(x);
    return 9 * at::avg_pool2d(x, 3, 1, 1) / (9 * at::avg_pool2d(real, 3, 1, 1));
  }
  at::Tensor max_pool(const at::Tensor& x) const {
    const at::Tensor padded = at::constant_pad_nd(x.detach(), {1, 1, 1, 1}, -1e9);
    const at::Tensor two = std::get<0>(at::im2col(padded, {3, 3}, {1, 1}, {0, 0}, {1, 1})
                                           .view({x.size(0), x.size(1), 9, -1})
                                           .topk(2, 2));  // [B, C, 2, H·W]
    weight.note_kink(two.select(2, 0) - two.select(2, 1));
    return at::max_pool2d(x, 3, 1, 1);
  }
  at::Tensor relu(const at::Tensor& x) const {
    weight.note_kink(x.detach().abs());
    return x.relu();
  }
  /// Pixels (0,0), (2,2), … and (1,1), (3,3), … with zeros beyond the edge.
  at::Tensor reduction(const at::Tensor& x, const std::string& name, double epsilon) const {
    const at::Tensor wide = at::constant_pad_nd(x, {0, 2, 0, 2});
    const auto rows = [](std::int64_t first, std::int64_t size) {
      return at::arange((size + 1) / 2) * 2 + first;
    };
    std::vector<at::Tensor> halves;
    for (const int first : {0, 1}) {
      const at::Tensor pixels =
          wide.index_select(2, rows(first, x.size(2))).index_select(3, rows(first, x.size(3)));
      halves.push_back(convolution(pixels, name + (first == 0 ? "/even" : "/odd")));
    }
    return norm(at::cat(halves, 1), name + "/norm", epsilon);
  }
  at::Tensor logits(const at::Tensor& x, double drop) const {
    at::Tensor features = x.flatten(2).mean(2);
    if (drop > 0.0) {
      std::vector<float> mask(static_cast<std::size_t>(features.numel()));
      RandomStream stream(kImageAddress.seed,
                          {Purpose::dropout, kImageAddress.slot, kImageAddress.step, 0});
      stream.fill_keep_mask(mask, 1.0 - drop);
      features = features * torch::tensor(mask).view(features.sizes());
    }
    return features.matmul(weight("head").t());
  }
};

}  // namespace enas::supernet
