// SPDX-License-Identifier: Apache-2.0
#include "nn/classification.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "core/random.hpp"

namespace enas::nn {
namespace {

TEST(MeanCrossEntropy, IsTheMeanOfNegativeLogarithms) {
  const at::Tensor logits = torch::tensor({{0.0F, std::log(3.0F)}, {std::log(4.0F), 0.0F}});
  const at::Tensor target = torch::tensor({1, 1}, at::kLong);
  const at::Tensor found = mean_cross_entropy(logits, target);
  EXPECT_EQ(found.scalar_type(), at::kDouble);
  EXPECT_NEAR(found.item<double>(), -0.5 * (std::log(0.75) + std::log(0.2)), 1e-7);
}

TEST(CountCorrect, CountsTheLargestLogits) {
  const at::Tensor logits = torch::tensor({{1.0F, 2.0F}, {3.0F, 2.0F}, {0.0F, 5.0F}});
  EXPECT_EQ(count_correct(logits, torch::tensor({1, 1, 1}, at::kLong)), 2);
  EXPECT_EQ(count_correct(logits, torch::tensor({0, 1, 0}, at::kLong)), 0);
}

TEST(DropoutMask, IsThatOfItsAddressAndNumber) {
  const StepAddress address{.seed = 7, .slot = 1, .step = 40};
  std::vector<float> expected(12);
  RandomStream(7, {Purpose::dropout, 1, 40, 3}).fill_keep_mask(expected, 0.75);
  const at::Tensor mask = dropout_mask(0.75, 3, address, {4, 3}, at::kCPU);
  EXPECT_TRUE(at::equal(mask, torch::tensor(expected).view({4, 3})));
  EXPECT_FALSE(at::equal(mask, dropout_mask(0.75, 2, address, {4, 3}, at::kCPU)));
}

}  // namespace
}  // namespace enas::nn
