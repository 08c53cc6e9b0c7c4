// SPDX-License-Identifier: Apache-2.0
#include "child/image_network.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "double_network.hpp"

namespace enas::child {
namespace {

constexpr nn::DataShape kShape{.channels = 3, .height = 6, .width = 5, .num_classes = 4};

/// A 3×3 convolution, a norm, the classifier.
ImagePlan small_plan() {
  ImagePlan plan(kShape, 1e-5);
  plan.classify(plan.norm(plan.convolution(0, "conv", 8, 3), "norm"));
  return plan;
}

TEST(ImageNetwork, AveragesAreThoseOfPyTorchsBatchNorm) {
  const ImageNetwork net(small_plan(), {}, 1);
  torch::nn::BatchNorm2d reference(torch::nn::BatchNorm2dOptions(8).momentum(Network::kMomentum));
  const at::Tensor weight = net.weights()[0].value;
  const auto convolved = [&](const nn::Batch& batch) {
    return at::conv2d(batch.input, weight, {}, 1, 1);
  };
  for (std::uint64_t step = 0; step < 5; ++step) {
    const nn::Batch batch = image_batch(kShape, 4, step);
    reference->forward(convolved(batch));
    move_averages(net, train(net, batch).statistics);
  }
  EXPECT_TRUE(at::allclose(net.averages()[0].value, reference->running_mean, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(net.averages()[1].value, reference->running_var, 1e-5, 1e-6));

  reference->eval();
  const nn::Batch batch = image_batch(kShape, 4, 9);
  const at::Tensor logits =
      reference->forward(convolved(batch)).mean({2, 3}).mm(net.weights()[2].value.t());
  EXPECT_NEAR(score(net, batch).loss(), at::cross_entropy_loss(logits, batch.target).item<double>(),
              1e-5);
}

TEST(ImageNetwork, NamesAndInitialValues) {
  const ImageNetwork net(small_plan(), {}, 1);
  ASSERT_EQ(net.weights().size(), 3U);
  EXPECT_EQ(net.weights()[0].name, "conv");
  EXPECT_TRUE(net.weights()[0].decays);
  EXPECT_EQ(net.weights()[1].name, "norm");
  EXPECT_FALSE(net.weights()[1].decays);
  EXPECT_TRUE(at::equal(net.weights()[1].value[0], at::ones({8})));
  EXPECT_TRUE(at::equal(net.weights()[1].value[1], at::zeros({8})));
  EXPECT_EQ(net.weights()[2].name, "head");
  ASSERT_EQ(net.averages().size(), 2U);
  EXPECT_EQ(net.averages()[0].name, "norm/mean");
  EXPECT_TRUE(at::equal(net.averages()[0].value, at::zeros({8})));
  EXPECT_EQ(net.averages()[1].name, "norm/variance");
  EXPECT_TRUE(at::equal(net.averages()[1].value, at::ones({8})));
}

TEST(ImageNetwork, InitialValuesAreHeNormalByNameAndSeed) {
  ImagePlan plan(kShape, 1e-5);
  plan.classify(plan.convolution(plan.convolution(0, "first", 64, 5), "second", 64, 3));
  const ImageNetwork net(plan, {}, 1);
  const at::Tensor second = net.weights()[1].value;
  const double expected = std::sqrt(2.0 / (64 * 9));
  EXPECT_NEAR(second.std().item<double>(), expected, 0.02 * expected);
  EXPECT_TRUE(at::equal(ImageNetwork(plan, {}, 1).weights()[1].value, second));
  EXPECT_FALSE(at::equal(ImageNetwork(plan, {}, 2).weights()[1].value, second));
  ImagePlan other(kShape, 1e-5);
  other.classify(other.convolution(other.convolution(0, "other", 64, 5), "second", 64, 3));
  EXPECT_TRUE(at::equal(ImageNetwork(other, {}, 1).weights()[1].value, second));
  EXPECT_FALSE(at::equal(ImageNetwork(other, {}, 1).weights()[0].value, net.weights()[0].value));
}

TEST(ImageNetwork, DropoutDependsOnTheAddressAlone) {
  const ImageNetwork net(small_plan(), {.dropout = 0.5}, 1);
  const nn::Batch batch = image_batch(kShape, 4, 0);
  const double loss = train(net, batch, {1, 2, 3}).loss;
  EXPECT_EQ(train(net, batch, {1, 2, 3}).loss, loss);
  EXPECT_NE(train(net, batch, {9, 2, 3}).loss, loss);
  EXPECT_NE(train(net, batch, {1, 9, 3}).loss, loss);
  EXPECT_NE(train(net, batch, {1, 2, 9}).loss, loss);
}

TEST(ImageNetwork, PassesLeaveWeightsAndAveragesAlone) {
  const ImageNetwork net(small_plan(), {.dropout = 0.5}, 1);
  const ImageNetwork untouched(small_plan(), {.dropout = 0.5}, 1);
  const nn::Batch batch = image_batch(kShape, 4, 0);
  train(net, batch);
  score(net, batch);
  for (std::size_t i = 0; i < net.weights().size(); ++i) {
    EXPECT_TRUE(at::equal(net.weights()[i].value, untouched.weights()[i].value));
    EXPECT_FALSE(net.weights()[i].value.requires_grad());
    EXPECT_FALSE(net.weights()[i].value.grad().defined());
  }
  for (std::size_t i = 0; i < net.averages().size(); ++i) {
    EXPECT_TRUE(at::equal(net.averages()[i].value, untouched.averages()[i].value));
  }
}

TEST(ImageNetwork, TrainsWhereTheCallerHasSwitchedGradientsOff) {
  const at::NoGradGuard guard;
  const ImageNetwork net(small_plan(), {}, 1);
  EXPECT_EQ(train(net, image_batch(kShape, 4, 0)).gradients.size(), 3U);
}

TEST(ImageNetwork, RefusesANormOverOnePixel) {
  const nn::DataShape shape{.channels = 3, .height = 1, .width = 1, .num_classes = 4};
  ImagePlan plan(shape, 1e-5);
  plan.classify(plan.norm(plan.convolution(0, "conv", 8, 3), "norm"));
  const ImageNetwork net(plan, {}, 1);
  EXPECT_THROW(train(net, image_batch(shape, 1, 0)), ConfigError);
  EXPECT_EQ(train(net, image_batch(shape, 2, 0)).statistics.size(), 2U);
  EXPECT_EQ(score(net, image_batch(shape, 1, 0)).count, 1);
}

}  // namespace
}  // namespace enas::child
