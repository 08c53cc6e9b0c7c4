// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "nn/plane/kernels.hpp"
#include "unit/nn/plane/fixture.hpp"

namespace enas::nn {
namespace {

std::vector<float> depthwise(const Padded& plane, const Input& weight, int k, std::size_t shift) {
  Output out(as_size(plane.height * plane.width), kGuard, shift);
  depthwise_plane(plane.pixels.data(), plane.pitch, weight.data(), k, out.data(), plane.height,
                  plane.width);
  out.expect_guards_untouched();
  return out.values();
}

TEST(Depthwise, IsTheSumOverItsWindow) {
  for (const int k : {3, 5}) {
    const Input weight(as_size(k * k), 7);
    for_each_plane(k / 2, 0.0F, [&](const Padded& plane) {
      on_every_target([&] {
        const std::vector<float> out = depthwise(plane, weight, k, 0);
        for (int y = 0; y < plane.height; ++y) {
          for (int x = 0; x < plane.width; ++x) {
            double sum = 0.0;
            for (int i = 0; i < k; ++i) {
              for (int j = 0; j < k; ++j) {
                sum += double{weight[as_size(i * k + j)]} * double{plane.at(y + i, x + j)};
              }
            }
            ASSERT_NEAR(out[as_size(y * plane.width + x)], sum, 2e-6) << y << ' ' << x;
          }
        }
      });
    });
  }
}

TEST(Depthwise, WeightSumsAddTheGradientTimesThePixels) {
  for (const int k : {3, 5}) {
    for_each_plane(k / 2, 0.0F, [&](const Padded& plane) {
      const Input gradient(as_size(plane.height * plane.width), 8);
      on_every_target([&] {
        Output sum(as_size(k * k), 0.5F);
        depthwise_weight_sums(plane.pixels.data(), plane.pitch, gradient.data(), k, plane.height,
                              plane.width, sum.data());
        sum.expect_guards_untouched();
        for (int i = 0; i < k; ++i) {
          for (int j = 0; j < k; ++j) {
            double right = 0.5;
            for (int y = 0; y < plane.height; ++y) {
              for (int x = 0; x < plane.width; ++x) {
                right +=
                    double{gradient[as_size(y * plane.width + x)]} * double{plane.at(y + i, x + j)};
              }
            }
            ASSERT_NEAR(sum[as_size(i * k + j)], right, 2e-5) << i << ' ' << j;
          }
        }
      });
    });
  }
}

// Weights that never meet the infinite pixel must stay finite: no 0 · ∞ beyond the plane's edge.
TEST(Depthwise, WeightSumsTouchOnlyTheirOwnPixels) {
  for (const int height : {1, 2, 16}) {
    for (const bool at_the_end : {false, true}) {
      const int row = at_the_end ? height : 1;
      const int column = at_the_end ? 16 : 1;
      Padded plane(height, 16, 1, 0.0F);
      plane.at(row, column) = kInfinity;
      const Input gradient(as_size(height * 16), 8);
      on_every_target([&] {
        Output sum(9, 0.0F);
        depthwise_weight_sums(plane.pixels.data(), plane.pitch, gradient.data(), 3, height, 16,
                              sum.data());
        for (int at = 0; at < 9; ++at) {
          const int y = row - at / 3;
          const int x = column - at % 3;
          const bool meets = y >= 0 && y < height && x >= 0 && x < 16;
          EXPECT_EQ(std::isfinite(sum[as_size(at)]), !meets) << height << ' ' << row << ' ' << at;
        }
      });
    }
  }
}

TEST(Depthwise, BitsDoNotDependOnAlignment) {
  const Input weight(25, 7);
  on_every_target([&] {
    std::vector<float> first, first_sum;
    for (const std::size_t shift : {0, 1, 5, 8}) {
      const Padded plane(33, 31, 2, 0.0F, 1, shift);
      const Input gradient(33 * 31, 8, shift);
      Output sum(25, 0.0F, shift);
      depthwise_weight_sums(plane.pixels.data(), plane.pitch, gradient.data(), 5, 33, 31,
                            sum.data());
      const std::vector<float> out = depthwise(plane, weight, 5, shift);
      if (shift == 0) first = out;
      if (shift == 0) first_sum = sum.values();
      expect_same(first, out);
      expect_same(first_sum, sum.values());
    }
  });
}

}  // namespace
}  // namespace enas::nn
