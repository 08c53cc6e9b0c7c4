// SPDX-License-Identifier: Apache-2.0
// Compares a convolutional network's training pass and score with its definition in double.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "child/image_network.hpp"
#include "child/image_pass.hpp"
#include "core/random.hpp"

namespace enas::child {

inline nn::Batch image_batch(const nn::DataShape& shape, std::int64_t batch_size,
                             std::uint64_t number) {
  RandomStream random(3, {Purpose::test, number});
  at::Tensor images = at::empty({batch_size, shape.channels, shape.height, shape.width});
  random.fill_normal({images.data_ptr<float>(), static_cast<std::size_t>(images.numel())}, 1.0F);
  at::Tensor classes = at::empty({batch_size}, at::kLong);
  for (std::int64_t i = 0; i < batch_size; ++i) {
    classes[i] =
        static_cast<std::int64_t>(random.next_below(static_cast<std::uint64_t>(shape.num_classes)));
  }
  return {images, classes};
}

inline nn::Pass train(const Network& net, const nn::Batch& batch,
                      const nn::StepAddress& address = {5, 2, 7}, double progress = 0.75) {
  at::Tensor state = net.initial_state(batch.target.size(0));
  return net.train(batch, state, address, progress);
}

inline nn::Score score(const Network& net, const nn::Batch& batch) {
  at::Tensor state = net.initial_state(batch.target.size(0));
  return net.score(batch, state);
}

/// Moves the running averages as a trainer does.
inline void move_averages(const Network& net, const std::vector<at::Tensor>& statistics) {
  ASSERT_EQ(statistics.size(), net.averages().size());
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    at::Tensor average = net.averages()[i].value;
    average.mul_(1.0 - Network::kMomentum).add_(statistics[i], Network::kMomentum);
  }
}

/// The layers of the definition, each from its formula, by the names of the network's weights.
class DoubleNetwork {
 public:
  DoubleNetwork(const Network& net, bool is_training) : is_training_(is_training) {
    for (const nn::Weight& weight : net.weights()) {
      leaves_.push_back(weight.value.to(at::kDouble).requires_grad_());
      weights_[weight.name] = leaves_.back();
    }
    for (const nn::Weight& average : net.averages()) {
      averages_[average.name] = average.value.to(at::kDouble);
    }
  }

  const std::vector<at::Tensor>& leaves() const { return leaves_; }
  /// By the names of averages.
  const std::map<std::string, at::Tensor>& statistics() const { return statistics_; }

  at::Tensor convolution(const at::Tensor& x, const std::string& name, int stride = 1) const {
    const at::Tensor weight = weights_.at(name);
    return at::conv2d(x, weight, {}, stride, weight.size(2) / 2, 1, x.size(1) / weight.size(1));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name, double epsilon = 1e-5) {
    at::Tensor mean;
    at::Tensor variance;
    if (is_training_) {
      mean = x.mean({0, 2, 3});
      variance = (x - column(mean)).square().mean({0, 2, 3});
      const double n = static_cast<double>(x.numel() / x.size(1));
      statistics_[name + "/mean"] = mean.detach();
      statistics_[name + "/variance"] = variance.detach() * (n / (n - 1.0));
    } else {
      mean = averages_.at(name + "/mean");
      variance = averages_.at(name + "/variance");
    }
    const at::Tensor weight = weights_.at(name);
    return (x - column(mean)) / (column(variance) + epsilon).sqrt() * column(weight[0]) +
           column(weight[1]);
  }
  at::Tensor reduction(const at::Tensor& x, const std::string& name) {
    const at::Tensor even = at::conv2d(x, weights_.at(name + "/even"), {}, 2);
    const at::Tensor moved = at::constant_pad_nd(x, {0, 1, 0, 1}).slice(2, 1).slice(3, 1);
    const at::Tensor odd = at::conv2d(moved, weights_.at(name + "/odd"), {}, 2);
    return norm(at::cat({even, odd}, 1), name + "/norm");
  }
  static at::Tensor avg_pool(const at::Tensor& x, int stride = 1) {
    const at::Tensor ones = at::ones_like(x);
    const auto window_sum = [&](const at::Tensor& image) {
      return at::avg_pool2d(image, 3, stride, 1, false, true) * 9.0;
    };
    return window_sum(x) / window_sum(ones);
  }
  static at::Tensor max_pool(const at::Tensor& x, int stride = 1) {
    return at::max_pool2d(x, 3, stride, 1);
  }
  /// `number`: of the mask.
  at::Tensor mask(double keep, std::uint64_t number, at::IntArrayRef sizes) const {
    if (!is_training_) return at::ones(sizes);
    at::Tensor values = at::empty(sizes);
    RandomStream stream(5, {Purpose::dropout, 2, 7, number});
    stream.fill_keep_mask({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())},
                          keep);
    return values;
  }
  at::Tensor classify(const at::Tensor& x, const std::string& name, double drop) const {
    at::Tensor features = x.mean({2, 3});
    if (drop > 0.0) features = features * mask(1.0 - drop, 0, features.sizes());
    return features.mm(weights_.at(name).t());
  }

 private:
  static at::Tensor column(const at::Tensor& values) { return values.view({1, -1, 1, 1}); }

  bool is_training_;
  std::vector<at::Tensor> leaves_;
  std::map<std::string, at::Tensor> weights_;
  std::map<std::string, at::Tensor> averages_;
  std::map<std::string, at::Tensor> statistics_;
};

struct DoubleLogits {
  at::Tensor main;
  at::Tensor auxiliary;
};

using DoubleForward = std::function<DoubleLogits(DoubleNetwork&, const at::Tensor& images)>;

inline double distance(const at::Tensor& found, const at::Tensor& expected) {
  return (found.to(at::kDouble) - expected).norm().item<double>();
}

/// Cross-entropy of both heads.
struct DoubleLosses {
  DoubleLosses(const at::Tensor& logits, const at::Tensor& auxiliary_logits,
               double auxiliary_weight, const at::Tensor& target)
      : main(at::cross_entropy_loss(logits, target)), total(main) {
    if (auxiliary_weight == 0.0) return;
    total = main + auxiliary_weight * at::cross_entropy_loss(auxiliary_logits, target);
  }
  at::Tensor main;
  at::Tensor total;
};

/// The steps of a network's plan in double, at the address and progress of train() above.
inline PassResult double_pass(const ImageNetwork& net, const nn::Batch& batch, double dropout,
                              const std::vector<at::Tensor>& leaves) {
  return training_pass(net.plan(), batch.input.to(at::kDouble), leaves, {{5, 2, 7}, dropout, 0.75});
}

inline void expect_close(const ImageNetwork& net, const std::vector<at::Tensor>& found,
                         const std::vector<at::Tensor>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0.0;
  for (const at::Tensor& gradient : expected) {
    largest = std::max(largest, gradient.norm().item<double>());
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found[i].sizes(), expected[i].sizes());
    // The second term is for gradients that are zero but for rounding: an offset before a norm.
    EXPECT_LE(distance(found[i], expected[i]),
              tolerance * (expected[i].norm().item<double>() + 1e-3 * largest))
        << net.weights()[i].name;
  }
}

/// The steps in double must agree to rounding, the pass in float32 as far as ReLUs and largest
/// pixels within its error of a change of sides let it.
inline void expect_definition_when_training(const ImageNetwork& net, const nn::Batch& batch,
                                            double dropout, double auxiliary_weight,
                                            const DoubleForward& forward) {
  DoubleNetwork layers(net, /*is_training=*/true);
  const DoubleLogits logits = forward(layers, batch.input.to(at::kDouble));
  const DoubleLosses losses(logits.main, logits.auxiliary, auxiliary_weight, batch.target);
  const std::vector<at::Tensor> expected = torch::autograd::grad({losses.total}, layers.leaves());

  const std::vector<at::Tensor> leaves = DoubleNetwork(net, true).leaves();
  const PassResult pass = double_pass(net, batch, dropout, leaves);
  EXPECT_LE(distance(pass.logits, logits.main), 1e-10);
  const DoubleLosses pass_losses(pass.logits, pass.auxiliary_logits, auxiliary_weight,
                                 batch.target);
  expect_close(net, torch::autograd::grad({pass_losses.total}, leaves), expected, 1e-8);

  const nn::Pass found = train(net, batch);
  EXPECT_NEAR(found.loss, losses.main.item<double>(), 1e-4);
  EXPECT_EQ(found.correct, logits.main.argmax(1).eq(batch.target).sum().item<std::int64_t>());
  expect_close(net, found.gradients, expected, 0.02);
  for (const at::Tensor& gradient : found.gradients) {
    EXPECT_TRUE(gradient.is_contiguous());
    EXPECT_EQ(gradient.scalar_type(), at::kFloat);
  }
  // LibTorch sums the pixels of a channel one after the other in float32.
  const double float_error = 6e-8 * static_cast<double>(batch.input.numel() / batch.input.size(1));
  ASSERT_EQ(found.statistics.size(), net.averages().size());
  EXPECT_EQ(layers.statistics().size(), net.averages().size());
  for (std::size_t i = 0; i < found.statistics.size(); ++i) {
    const nn::Weight& average = net.averages()[i];
    const at::Tensor& statistic = layers.statistics().at(average.name);
    EXPECT_LE(distance(found.statistics[i], statistic),
              float_error * (1.0 + statistic.norm().item<double>()))
        << average.name;
    EXPECT_LE(distance(pass.statistics[i], statistic),
              1e-10 * (1.0 + statistic.norm().item<double>()))
        << average.name;
  }
}

/// With running averages that no batch has.
inline void expect_definition_when_scoring(const ImageNetwork& net, const nn::Batch& batch,
                                           const DoubleForward& forward) {
  RandomStream random(1, {Purpose::test, 100});
  for (const nn::Weight& average : net.averages()) {
    const bool is_mean = average.name.ends_with("/mean");
    at::Tensor value = average.value;
    random.fill_uniform({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())},
                        is_mean ? -0.1F : 0.5F, is_mean ? 0.1F : 1.5F);
  }
  DoubleNetwork layers(net, /*is_training=*/false);
  const at::Tensor logits = forward(layers, batch.input.to(at::kDouble)).main;
  const nn::Score found = score(net, batch);
  EXPECT_EQ(found.count, batch.target.size(0));
  const double loss = at::cross_entropy_loss(logits, batch.target).item<double>();
  EXPECT_NEAR(found.loss(), loss, 1e-4 * (1.0 + loss));
  EXPECT_EQ(found.correct, logits.argmax(1).eq(batch.target).sum().item<std::int64_t>());
}

inline void expect_definition(const ImageNetwork& net, const nn::Batch& batch, double dropout,
                              double auxiliary_weight, const DoubleForward& forward) {
  expect_definition_when_training(net, batch, dropout, auxiliary_weight, forward);
  expect_definition_when_scoring(net, batch, forward);
}

/// Every weight's gradient, in double, against the slope of the loss along that gradient.
inline void expect_slopes(const ImageNetwork& net, const nn::Batch& batch, double dropout,
                          double auxiliary_weight) {
  const std::vector<at::Tensor> leaves = DoubleNetwork(net, true).leaves();
  const auto loss_of = [&] {
    const PassResult pass = double_pass(net, batch, dropout, leaves);
    return DoubleLosses(pass.logits, pass.auxiliary_logits, auxiliary_weight, batch.target).total;
  };
  const std::vector<at::Tensor> gradients = torch::autograd::grad({loss_of()}, leaves);
  const at::NoGradGuard guard;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const double norm = gradients[i].norm().item<double>();
    if (norm < 1e-9) continue;  // an offset before a norm
    constexpr double kStep = 1e-6;
    const at::Tensor before = leaves[i].clone();
    leaves[i].add_(gradients[i], kStep / norm);
    const double above = loss_of().item<double>();
    leaves[i].copy_(before).sub_(gradients[i], kStep / norm);
    const double below = loss_of().item<double>();
    leaves[i].copy_(before);
    EXPECT_NEAR((above - below) / (2 * kStep), norm, 1e-3 * norm + 1e-7) << net.weights()[i].name;
  }
}

}  // namespace enas::child
