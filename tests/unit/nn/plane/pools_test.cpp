// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "nn/plane/kernels.hpp"
#include "unit/nn/plane/fixture.hpp"

namespace enas::nn {
namespace {

/// Values of five levels, so that windows have ties.
Padded plane_with_ties(const Padded& plane) {
  Padded result = plane;
  for (int y = 1; y <= plane.height; ++y) {
    for (int x = 1; x <= plane.width; ++x) result.at(y, x) = std::round(2 * plane.at(y, x));
  }
  return result;
}

TEST(Pools, BoxSumsAreSumsOfNinePixels) {
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

TEST(Pools, MaxPoolTakesTheLargestAndItsGradientGoesThere) {
  for_each_plane(1, -kInfinity, [&](const Padded& plane) {
    on_every_target([&] { expect_pool_and_gradient_right(plane); });
  });
}

TEST(Pools, MaxPoolGradientGoesToTheFirstOfEqualPixels) {
  for_each_plane(1, -kInfinity, [&](const Padded& plane) {
    on_every_target([&] { expect_pool_and_gradient_right(plane_with_ties(plane)); });
  });
}

TEST(Pools, NaNWinsTheMaxPoolAndTakesTheGradient) {
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

TEST(Pools, BitsDoNotDependOnAlignment) {
  on_every_target([&] {
    std::vector<float> first, first_gradient;
    for (const std::size_t shift : {0, 1, 5, 8}) {
      const Padded plane(33, 31, 2, 0.0F, 1, shift);
      const Input gradient(33 * 31, 8, shift);
      Output box(33 * 31, 0.0F, shift);
      box_sum_plane(plane.pixels.data(), plane.pitch, box.data(), 33, 31);
      Output pool_gradient(plane.pixels.count(), 0.0F, shift);
      max_pool_plane_gradient(plane.pixels.data(), plane.pitch, gradient.data(), gradient.data(),
                              pool_gradient.data(), 33, 31);
      if (shift == 0) first = box.values();
      if (shift == 0) first_gradient = pool_gradient.values();
      expect_same(first, box.values());
      expect_same(first_gradient, pool_gradient.values());
    }
  });
}

}  // namespace
}  // namespace enas::nn
