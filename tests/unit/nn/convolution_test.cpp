// SPDX-License-Identifier: Apache-2.0
#include "nn/convolution.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "random_tensor.hpp"

namespace enas::nn {
namespace {

/// [B, C, H, W] in channels_last.
at::Tensor random_images(at::IntArrayRef sizes, std::uint64_t number) {
  return random_tensor(sizes, number, at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
}

/// The value at a pixel, 0 outside the image.
double pixel(const at::Tensor& image, std::int64_t b, std::int64_t c, std::int64_t y,
             std::int64_t x) {
  const bool inside = y >= 0 && x >= 0 && y < image.size(2) && x < image.size(3);
  return inside ? image[b][c][y][x].item<double>() : 0.0;
}

/// Convolution by its definition, in double.
at::Tensor slow_convolution(const at::Tensor& input, const at::Tensor& weight) {
  const bool depthwise = weight.size(1) == 1;
  const std::int64_t k = weight.size(2);
  at::Tensor output =
      at::zeros({input.size(0), weight.size(0), input.size(2), input.size(3)}, at::kDouble);
  for (std::int64_t dy = 0; dy < k; ++dy) {
    for (std::int64_t dx = 0; dx < k; ++dx) {
      // moved[y, x] = input[y + dy - k/2, x + dx - k/2]
      const at::Tensor padded =
          at::constant_pad_nd(input.to(at::kDouble), {k / 2, k / 2, k / 2, k / 2});
      const at::Tensor moved = padded.narrow(2, dy, input.size(2)).narrow(3, dx, input.size(3));
      const at::Tensor tap = weight.select(3, dx).select(2, dy).to(at::kDouble);  // [out, in]
      output +=
          depthwise ? moved * tap.view({1, -1, 1, 1}) : at::einsum("oi,bihw->bohw", {tap, moved});
    }
  }
  return output;
}

TEST(Convolution, IsTheSumOverTapsWithZerosAround) {
  for (const std::int64_t k : {1, 3, 5}) {
    const at::Tensor images = random_images({2, 3, 6, 5}, 1);
    const at::Tensor weight = random_tensor({4, 3, k, k}, 2, at::kFloat);
    const at::Tensor found = convolution(images, weight);
    EXPECT_LE(relative_difference(found, slow_convolution(images, weight)), 1e-6) << k;
    EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast));
    const at::Tensor depthwise = random_tensor({3, 1, k, k}, 3, at::kFloat);
    const at::Tensor expected = slow_convolution(images, depthwise);
    EXPECT_LE(relative_difference(depthwise_convolution(images, depthwise), expected), 1e-6) << k;
    EXPECT_LE(relative_difference(convolution(images, depthwise), expected), 1e-6) << k;
  }
}

TEST(Convolution, RefusesWeightsThatDoNotFit) {
  const at::Tensor images = random_images({2, 3, 6, 5}, 1);
  EXPECT_THROW(convolution(images, at::zeros({4, 2, 3, 3})), ContractError);
  EXPECT_THROW(convolution(images, at::zeros({4, 3, 2, 2})), ContractError);
  EXPECT_THROW(convolution(images, at::zeros({4, 3, 3, 1})), ContractError);
  EXPECT_THROW(depthwise_convolution(images, at::zeros({4, 3, 3, 3})), ContractError);
  EXPECT_THROW(depthwise_convolution(images, at::zeros({6, 1, 3, 3})), ContractError);
  EXPECT_THROW(batch_norm(images, at::zeros({2, 4}), 1e-5), ContractError);
}

TEST(BatchNorm, UsesTheStatisticsOfTheBatch) {
  const at::Tensor images = random_images({4, 3, 5, 6}, 4) * 3.0 + 2.0;
  const at::Tensor norm = random_tensor({2, 3}, 5, at::kFloat);
  const at::Tensor wide = images.to(at::kDouble);
  const double epsilon = 0.5;  // large enough to be seen
  at::Tensor expected = at::empty_like(wide);
  for (std::int64_t c = 0; c < 3; ++c) {
    const at::Tensor channel = wide.select(1, c);
    const double mean = channel.mean().item<double>();
    const double variance = channel.var(/*unbiased=*/false).item<double>();
    expected.select(1, c).copy_((channel - mean) / std::sqrt(variance + epsilon) *
                                    norm[0][c].item<double>() +
                                norm[1][c].item<double>());
  }
  EXPECT_LE(relative_difference(batch_norm(images, norm, epsilon), expected), 1e-6);
}

TEST(BatchNorm, TheGradientOfANormHasItsShape) {
  const at::Tensor images = random_images({4, 3, 5, 6}, 6);
  at::Tensor norm = random_tensor({2, 3}, 7, at::kFloat).requires_grad_();
  const at::Tensor slope = random_tensor({4, 3, 5, 6}, 8, at::kFloat);
  const at::Tensor gradient =
      torch::autograd::grad({(batch_norm(images, norm, 1e-5) * slope).sum()}, {norm})[0];
  const at::Tensor plain =
      batch_norm(images, torch::tensor({{1.0F, 1.0F, 1.0F}, {0.F, 0.F, 0.F}}), 1e-5);
  const at::Tensor expected = at::stack({(plain * slope).sum({0, 2, 3}), slope.sum({0, 2, 3})});
  EXPECT_LE(relative_difference(gradient, expected), 1e-5);
}

TEST(Pools, ReadNineOrFewerRealPixels) {
  const at::Tensor images = random_images({2, 2, 4, 3}, 9) - 2.0;  // below the zeros around
  const at::Tensor average = avg_pool_3x3(images);
  const at::Tensor maximum = max_pool_3x3(images);
  ASSERT_EQ(average.sizes(), images.sizes());
  ASSERT_EQ(maximum.sizes(), images.sizes());
  for (std::int64_t y = 0; y < 4; ++y) {
    for (std::int64_t x = 0; x < 3; ++x) {
      double sum = 0.0;
      double largest = -1e9;
      int count = 0;
      for (std::int64_t j = std::max<std::int64_t>(y - 1, 0); j <= std::min<std::int64_t>(y + 1, 3);
           ++j) {
        for (std::int64_t i = std::max<std::int64_t>(x - 1, 0);
             i <= std::min<std::int64_t>(x + 1, 2); ++i) {
          sum += pixel(images, 1, 1, j, i);
          largest = std::max(largest, pixel(images, 1, 1, j, i));
          ++count;
        }
      }
      EXPECT_NEAR(pixel(average, 1, 1, y, x), sum / count, 1e-6) << y << ", " << x;
      EXPECT_EQ(pixel(maximum, 1, 1, y, x), largest) << y << ", " << x;
    }
  }
}

TEST(FactorizedReduction, TakesEvenPixelsForOneHalfAndOddOnesForTheOther) {
  for (const auto& [height, width] : {std::pair{4, 6}, {5, 6}, {4, 3}, {5, 7}, {1, 1}, {1, 4}}) {
    SCOPED_TRACE(std::to_string(height) + " x " + std::to_string(width));
    const at::Tensor images = random_images({2, 1, height, width}, 10);
    // Identity weights, and a norm that is undone below: the pixels themselves come out.
    const at::Tensor one = at::ones({1, 1, 1, 1});
    const double epsilon = 1e-5;
    const at::Tensor norm = torch::tensor({{1.0F, 1.0F}, {0.0F, 0.0F}});
    const at::Tensor found = batch_norm(factorized_reduction(images, one, one), norm, epsilon);
    const std::int64_t rows = (height + 1) / 2;
    const std::int64_t columns = (width + 1) / 2;
    ASSERT_EQ(found.sizes(), at::IntArrayRef({2, 2, rows, columns}));
    at::Tensor picked = at::empty({2, 2, rows, columns}, at::kDouble);
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t y = 0; y < rows; ++y) {
        for (std::int64_t x = 0; x < columns; ++x) {
          picked[b][0][y][x] = pixel(images, b, 0, 2 * y, 2 * x);
          picked[b][1][y][x] = pixel(images, b, 0, 2 * y + 1, 2 * x + 1);
        }
      }
    }
    const at::Tensor mean = picked.mean({0, 2, 3}, true);
    const at::Tensor variance = (picked - mean).square().mean({0, 2, 3}, true);
    const at::Tensor expected = (picked - mean) / (variance + epsilon).sqrt();
    EXPECT_LE((found - expected).abs().max().item<double>(), 1e-5);
  }
}

TEST(FactorizedReduction, MixesChannelsAndIsDifferentiable) {
  const at::Tensor images = random_images({3, 4, 5, 4}, 11).requires_grad_();
  std::vector<at::Tensor> leaves = {images};
  for (const std::uint64_t number : {12, 13}) {
    leaves.push_back(random_tensor({3, 4, 1, 1}, number, at::kFloat).requires_grad_());
  }
  leaves.push_back(random_tensor({2, 6}, 14, at::kFloat).requires_grad_());
  const at::Tensor slope = random_tensor({3, 6, 3, 2}, 15);
  const auto found = torch::autograd::grad(
      {(batch_norm(factorized_reduction(leaves[0], leaves[1], leaves[2]), leaves[3], 1e-3) * slope)
           .sum()},
      leaves);

  std::vector<at::Tensor> wide;
  for (const at::Tensor& leaf : leaves) {
    wide.push_back(leaf.detach().to(at::kDouble).requires_grad_());
  }
  const at::Tensor padded = at::constant_pad_nd(wide[0], {0, 2, 0, 2});
  const at::Tensor even_rows = at::arange(3) * 2;
  const at::Tensor even_columns = at::arange(2) * 2;
  const auto half = [&](const at::Tensor& weight, int first) {
    return at::einsum(
        "oi,bihw->bohw",
        {weight.flatten(1),
         padded.index_select(2, even_rows + first).index_select(3, even_columns + first)});
  };
  const at::Tensor both = at::cat({half(wide[1], 0), half(wide[2], 1)}, 1);
  const at::Tensor centred = both - both.mean({0, 2, 3}, true);
  const at::Tensor normed = centred / (centred.square().mean({0, 2, 3}, true) + 1e-3).sqrt() *
                                wide[3][0].view({1, -1, 1, 1}) +
                            wide[3][1].view({1, -1, 1, 1});
  const auto expected = torch::autograd::grad({(normed * slope).sum()}, wide);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_LE(relative_difference(found[i], expected[i]), 1e-5) << i;
  }
}

TEST(GlobalAverage, IsOverHeightAndWidth) {
  const at::Tensor images = random_images({2, 3, 4, 5}, 16);
  const at::Tensor found = global_average(images);
  ASSERT_EQ(found.sizes(), at::IntArrayRef({2, 3}));
  EXPECT_LE(relative_difference(found, images.to(at::kDouble).flatten(2).mean(2)), 1e-6);
}

TEST(InitialImageWeight, IsHeNormalOrANormThatChangesNothing) {
  at::Tensor expected = at::empty({6, 4, 3, 3});
  fill_he_normal(expected, 36, {1, {Purpose::test, 1}});
  EXPECT_TRUE(at::equal(initial_image_weight({6, 4, 3, 3}, 36, {1, {Purpose::test, 1}}), expected));
  const at::Tensor norm = initial_image_weight({2, 5}, 0, {1, {Purpose::test, 1}});
  EXPECT_TRUE(at::equal(norm[0], at::ones({5})));
  EXPECT_TRUE(at::equal(norm[1], at::zeros({5})));
}

TEST(FillHeNormal, HasTheDeviationOfItsFanInAndItsAddress) {
  at::Tensor weight = at::empty({100, 100});
  fill_he_normal(weight, 50, {1, {Purpose::test, 1}});
  EXPECT_NEAR(weight.square().mean().sqrt().item<double>(), 0.2, 4 * 0.2 / std::sqrt(2e4));
  at::Tensor same = at::empty({100, 100});
  fill_he_normal(same, 50, {1, {Purpose::test, 1}});
  EXPECT_TRUE(at::equal(same, weight));
  fill_he_normal(same, 50, {1, {Purpose::test, 2}});
  EXPECT_FALSE(at::equal(same, weight));
  EXPECT_THROW(fill_he_normal(weight.t().narrow(0, 0, 50), 50, {1, {Purpose::test, 1}}),
               ContractError);
}

}  // namespace
}  // namespace enas::nn
