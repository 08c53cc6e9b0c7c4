// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "nn/plane/kernels.hpp"
#include "unit/nn/plane/fixture.hpp"

namespace enas::nn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::size_t as_size(int value) { return static_cast<std::size_t>(value); }

/// A plane in its border, with a pitch larger than needed and NaN in what that leaves.
struct Padded {
  Padded(int h, int w, int border, float border_value, unsigned seed = 1, std::size_t shift = 0)
      : height(h),
        width(w),
        pitch(w + 2 * border + 3),
        pixels(as_size((h + 2 * border) * pitch), seed, shift) {
    for (int y = 0; y < h + 2 * border; ++y) {
      for (int x = 0; x < pitch; ++x) {
        const bool outside = y < border || y >= h + border || x < border || x >= w + border;
        if (x >= w + 2 * border) {
          at(y, x) = kNaN;
        } else if (outside) {
          at(y, x) = border_value;
        }
      }
    }
  }
  float& at(int y, int x) { return pixels[as_size(y * pitch + x)]; }
  float at(int y, int x) const { return pixels[as_size(y * pitch + x)]; }
  int height, width, pitch;
  Input pixels;
};

template <class Body>
void for_each_plane(int border, float border_value, const Body& body) {
  for (const auto& [height, width] : plane_sizes()) {
    SCOPED_TRACE(testing::Message() << height << " by " << width);
    body(Padded(height, width, border, border_value));
  }
}

/// Values of five levels, so that windows have ties.
Padded plane_with_ties(const Padded& plane) {
  Padded result = plane;
  for (int y = 1; y <= plane.height; ++y) {
    for (int x = 1; x <= plane.width; ++x) result.at(y, x) = std::round(2 * plane.at(y, x));
  }
  return result;
}

std::vector<float> depthwise(const Padded& plane, const Input& weight, int k, std::size_t shift) {
  Output out(as_size(plane.height * plane.width), kGuard, shift);
  depthwise_plane(plane.pixels.data(), plane.pitch, weight.data(), k, out.data(), plane.height,
                  plane.width);
  out.expect_guards_untouched();
  return out.values();
}

TEST(PlaneFilters, DepthwiseIsTheSumOverItsWindow) {
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

TEST(PlaneFilters, DepthwiseWeightSumsAddTheGradientTimesThePixels) {
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
TEST(PlaneFilters, DepthwiseWeightSumsTouchOnlyTheirOwnPixels) {
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

TEST(PlaneFilters, BoxSumsAreSumsOfNinePixels) {
  for_each_plane(1, 0.0F, [&](const Padded& plane) {
    on_every_target([&] {
      Output out(as_size(plane.height * plane.width));
      box_sum_plane(plane.pixels.data(), plane.pitch, out.data(), plane.height, plane.width);
      out.expect_guards_untouched();
      for (int y = 0; y < plane.height; ++y) {
        for (int x = 0; x < plane.width; ++x) {
          double sum = 0.0;
          for (int at = 0; at < 9; ++at) sum += double{plane.at(y + at / 3, x + at % 3)};
          ASSERT_NEAR(out[as_size(y * plane.width + x)], sum, 2e-6) << y << ' ' << x;
        }
      }
    });
  });
}

/// LibTorch's rule: a later value replaces the maximum if it is larger or NaN. The position within
/// the window, for NaN the first.
int first_maximum(const Padded& plane, int y, int x) {
  int best = 0;
  for (int at = 0; at < 9; ++at) {
    const float value = plane.at(y + at / 3, x + at % 3);
    const float maximum = plane.at(y + best / 3, x + best % 3);
    if (std::isnan(maximum)) break;
    if (value > maximum || std::isnan(value)) best = at;
  }
  return best;
}

std::vector<float> max_pool(const Padded& plane) {
  Output out(as_size(plane.height * plane.width));
  max_pool_plane(plane.pixels.data(), plane.pitch, out.data(), plane.height, plane.width);
  out.expect_guards_untouched();
  return out.values();
}

void expect_pool_and_gradient_right(const Padded& plane) {
  const auto count = as_size(plane.height * plane.width);
  const Input gradient(count, 9);
  std::vector<float> maxima(count);
  std::vector<double> into(plane.pixels.count(), 0.25);
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      const int at = first_maximum(plane, y, x);
      const auto out = as_size(y * plane.width + x);
      maxima[out] = plane.at(y + at / 3, x + at % 3);
      into[as_size((y + at / 3) * plane.pitch + x + at % 3)] += double{gradient[out]};
    }
  }
  const std::vector<float> out = max_pool(plane);
  expect_same(out, maxima);
  Input seen_out(count);
  for (std::size_t i = 0; i < count; ++i) seen_out[i] = out[i];
  Output in_gradient(into.size(), 0.25F);
  max_pool_plane_gradient(plane.pixels.data(), plane.pitch, seen_out.data(), gradient.data(),
                          in_gradient.data(), plane.height, plane.width);
  in_gradient.expect_guards_untouched();
  for (std::size_t i = 0; i < into.size(); ++i) ASSERT_NEAR(in_gradient[i], into[i], 3e-6) << i;
}

TEST(PlaneFilters, MaxPoolTakesTheLargestAndItsGradientGoesThere) {
  for_each_plane(1, -kInfinity, [&](const Padded& plane) {
    on_every_target([&] { expect_pool_and_gradient_right(plane); });
  });
}

TEST(PlaneFilters, MaxPoolGradientGoesToTheFirstOfEqualPixels) {
  for_each_plane(1, -kInfinity, [&](const Padded& plane) {
    on_every_target([&] { expect_pool_and_gradient_right(plane_with_ties(plane)); });
  });
}

TEST(PlaneFilters, NaNWinsTheMaxPoolAndTakesTheGradient) {
  for_each_plane(1, -kInfinity, [&](const Padded& plane) {
    for (const int step : {5, 23}) {
      Padded spoilt = plane_with_ties(plane);
      for (int at = 0; at < plane.height * plane.width; at += step) {
        // Either sign: what 0/0 gives has the sign bit on x86.
        spoilt.at(1 + at / plane.width, 1 + at % plane.width) = at % 2 == 0 ? kNaN : -kNaN;
      }
      on_every_target([&] { expect_pool_and_gradient_right(spoilt); });
    }
  });
}

TEST(PlaneFilters, BitsDoNotDependOnAlignment) {
  const Input weight(25, 7);
  on_every_target([&] {
    std::vector<std::vector<float>> first;
    for (const std::size_t shift : {0, 1, 5, 8}) {
      const Padded plane(33, 31, 2, 0.0F, 1, shift);
      const Input gradient(33 * 31, 8, shift);
      Output sum(25, 0.0F, shift);
      depthwise_weight_sums(plane.pixels.data(), plane.pitch, gradient.data(), 5, 33, 31,
                            sum.data());
      Output box(33 * 31, 0.0F, shift);
      box_sum_plane(plane.pixels.data(), plane.pitch, box.data(), 33, 31);
      Output pool_gradient(plane.pixels.count(), 0.0F, shift);
      max_pool_plane_gradient(plane.pixels.data(), plane.pitch, gradient.data(), gradient.data(),
                              pool_gradient.data(), 33, 31);
      const std::vector<std::vector<float>> all = {depthwise(plane, weight, 5, shift), sum.values(),
                                                   box.values(), pool_gradient.values()};
      if (shift == 0) first = all;
      for (std::size_t i = 0; i < all.size(); ++i) expect_same(first[i], all[i]);
    }
  });
}

}  // namespace
}  // namespace enas::nn
