// SPDX-License-Identifier: Apache-2.0
// Compares a supernet's gradient and score with the same network in double.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "small_images.hpp"

namespace enas::supernet {

/// Logits of one child in double; the second argument is the dropout of the features.
using DoubleForward = std::function<at::Tensor(DoubleWeights&, const at::Tensor& input, double)>;

/// `sizes` of the first random batch whose kinks are all further away than float32 can miss.
inline void expect_reference(const Supernet& net, const space::Architecture& architecture,
                             const BatchSizes& sizes, double drop, const DoubleForward& forward) {
  SCOPED_TRACE(architecture.text());
  constexpr double kMargin = 1e-5;
  std::uint64_t tried = 0;
  Batch batch;
  at::Tensor input;
  at::Tensor loss;
  DoubleWeights weights(net);
  for (double margin = 0.0; margin < kMargin; ++tried) {
    ASSERT_LT(tried, 1000U);
    batch = image_batch(sizes, tried);
    input = batch.input.to(at::kDouble);
    weights = DoubleWeights(net);
    loss = at::cross_entropy_loss(forward(weights, input, drop), batch.target);
    margin = weights.margin();
  }
  const Pass found = gradient_of(net, architecture, batch);
  EXPECT_NEAR(found.loss, loss.item<double>(), 1e-5);
  EXPECT_EQ(touched_names(net, architecture), weights.asked());

  std::vector<at::Tensor> leaves;
  const std::vector<int> touched = net.touched(architecture);
  for (const int number : touched) {
    leaves.push_back(weights(net.weights()[static_cast<std::size_t>(number)].name));
  }
  const std::vector<at::Tensor> expected = torch::autograd::grad({loss}, leaves);
  ASSERT_EQ(found.gradients.size(), expected.size());
  double largest = 0.0;
  for (const at::Tensor& gradient : expected) {
    largest = std::max(largest, gradient.abs().max().item<double>());
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found.gradients[i].sizes(), expected[i].sizes());
    ASSERT_EQ(found.gradients[i].scalar_type(), at::kFloat);
    const double scale = expected[i].abs().max().item<double>();
    const double error =
        (found.gradients[i].to(at::kDouble) - expected[i]).abs().max().item<double>();
    // The second term is for gradients that are zero but for rounding: an offset before a norm.
    EXPECT_LE(error, 1e-4 * scale + 1e-6 * largest)
        << net.weights()[static_cast<std::size_t>(touched[i])].name;
  }

  const at::Tensor plain = forward(weights, input, 0.0);
  const Score score = score_of(net, architecture, batch);
  const double nats =
      at::cross_entropy_loss(plain, batch.target, {}, at::Reduction::Sum).item<double>();
  EXPECT_NEAR(score.nats, nats, 1e-5 * static_cast<double>(batch.target.size(0)));
  EXPECT_EQ(score.count, batch.target.size(0));
  EXPECT_EQ(score.correct, plain.argmax(1).eq(batch.target).sum().item<std::int64_t>());
}

}  // namespace enas::supernet
