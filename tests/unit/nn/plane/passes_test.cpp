// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "nn/plane/kernels.hpp"
#include "unit/nn/plane/fixture.hpp"

namespace enas::nn {
namespace {

constexpr PixelView kPlain = {};
constexpr PixelView kScaled = {1.5F, -0.25F, false};
constexpr PixelView kRelu = {-0.75F, 0.125F, true};
constexpr std::size_t kCounts[] = {1, 5, 15, 16, 17, 49, 64, 65, 127, 1023, 1024};

double seen(const PixelView& view, float z) {
  const double value = double{view.scale} * double{z} + double{view.shift};
  return view.relu && value < 0.0 ? 0.0 : value;
}

template <class Body>
void for_each_view(const Body& body) {
  for (const PixelView& view : {kPlain, kScaled, kRelu}) {
    SCOPED_TRACE(testing::Message()
                 << view.scale << ", " << view.shift << (view.relu ? ", ReLU" : ""));
    on_every_target([&] { body(view); });
  }
}

/// Runs write(out) and compares with right(i) for i < count, NaN with NaN.
template <class Write, class Right>
void expect_written(std::size_t count, const Write& write, const Right& right,
                    float before = kGuard) {
  Output out(count, before);
  write(out.data());
  out.expect_guards_untouched();
  for (std::size_t i = 0; i < count; ++i) {
    const double value = right(i);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(out[i])) << i;
    } else {
      ASSERT_NEAR(double{out[i]}, value, 1e-6) << i;
    }
  }
}

TEST(PlanePasses, LoadsAndAddsThePlaneAsSeen) {
  for_each_view([](const PixelView& view) {
    for (const std::size_t count : kCounts) {
      Input z(count);
      z[count / 2] = kNaN;
      expect_written(
          count, [&](float* out) { load(z.data(), view, count, out); },
          [&](std::size_t i) { return seen(view, z[i]); });
      expect_written(
          count, [&](float* out) { add(z.data(), view, count, out); },
          [&](std::size_t i) { return 2.0 + seen(view, z[i]); }, 2.0F);
    }
  });
}

TEST(PlanePasses, CombinesAndMultipliesPlanes) {
  on_every_target([] {
    for (const std::size_t count : kCounts) {
      const Input g(count, 1);
      const Input z(count, 2);
      expect_written(
          count, [&](float* out) { load_combination(g.data(), z.data(), 2, -3, 0.5, count, out); },
          [&](std::size_t i) { return 2 * double{g[i]} - 3 * double{z[i]} + 0.5; });
      expect_written(
          count, [&](float* out) { multiply(g.data(), z.data(), count, out); },
          [&](std::size_t i) { return double{g[i]} * double{z[i]}; });
    }
  });
}

/// What a padded plane holds at i: `inside` (pixel) or border_value.
template <class Inside>
double padded_value(std::size_t i, int height, int width, int border, int pitch, float border_value,
                    const Inside& inside) {
  const int y = static_cast<int>(i) / pitch - border;
  const int x = static_cast<int>(i) % pitch - border;
  if (y < 0 || y >= height || x < 0 || x >= width) return double{border_value};
  return inside(as_size(y * width + x));
}

TEST(PlanePasses, PadsEverySideUpToThePitch) {
  for_each_view([](const PixelView& view) {
    for (const auto& [height, width] : plane_sizes()) {
      for (const int border : {0, 1, 2}) {
        for (const int spare : {0, 3, 40}) {
          const int h = height, w = width, pitch = width + 2 * border + spare;
          Input z(as_size(h * w));
          z[0] = kNaN;
          const auto count = as_size((h + 2 * border) * pitch);
          expect_written(
              count,
              [&](float* out) { load_padded(z.data(), view, h, w, border, -7.0F, pitch, out); },
              [&](std::size_t i) {
                return padded_value(i, h, w, border, pitch, -7.0F,
                                    [&](std::size_t at) { return seen(view, z[at]); });
              });
        }
      }
    }
  });
}

TEST(PlanePasses, PadsACombinationWithZeros) {
  on_every_target([] {
    for (const auto& [height, width] : plane_sizes()) {
      const int h = height, w = width, pitch = width + 7;
      const Input g(as_size(h * w), 1);
      const Input z(as_size(h * w), 2);
      expect_written(
          as_size((h + 4) * pitch),
          [&](float* out) {
            load_padded_combination(g.data(), z.data(), 2, -3, 0.5, h, w, 2, pitch, out);
          },
          [&](std::size_t i) {
            return padded_value(i, h, w, 2, pitch, 0.0F, [&](std::size_t at) {
              return 2 * double{g[at]} - 3 * double{z[at]} + 0.5;
            });
          });
    }
  });
}

TEST(PlanePasses, LoadsEverySecondPixel) {
  for_each_view([](const PixelView& view) {
    for (const auto& [height, width] : plane_sizes()) {
      const int h = height, w = width;
      const Input z(as_size(h * w));
      const int out_width = (w + 1) / 2;
      for (const int first : {0, 1}) {
        expect_written(
            as_size((h + 1) / 2 * out_width),
            [&](float* out) { load_every_second(z.data(), view, h, w, first, out); },
            [&](std::size_t i) {
              const int y = 2 * (static_cast<int>(i) / out_width) + first;
              const int x = 2 * (static_cast<int>(i) % out_width) + first;
              return y < h && x < w ? seen(view, z[as_size(y * w + x)]) : 0.0;
            });
      }
    }
  });
}

TEST(PlanePasses, SpreadsEvenAndOddPixels) {
  on_every_target([] {
    for (const auto& [height, width] : plane_sizes()) {
      const int w = width;
      const int half = (w + 1) / 2;
      const auto count = as_size((height + 1) / 2 * half);
      const Input even(count, 1);
      const Input odd(count, 2);
      expect_written(
          as_size(height * w),
          [&, h = height](float* out) { spread_even_and_odd(even.data(), odd.data(), h, w, out); },
          [&](std::size_t i) {
            const int y = static_cast<int>(i) / w;
            const int x = static_cast<int>(i) % w;
            if (y % 2 != x % 2) return 0.0;
            return double{(y % 2 == 0 ? even : odd)[as_size(y / 2 * half + x / 2)]};
          });
    }
  });
}

/// Pixels at which −0.75 z + 0.125 is 0, just above and just below 0, NaN, and random ones.
Input pixels_about_the_kink(std::size_t count) {
  Input z(count, 5);
  const float kink = 1.0F / 6.0F;
  const float special[] = {kNaN, std::nextafter(kink, 0.0F), std::nextafter(kink, 1.0F), kink};
  for (std::size_t i = 0; i < count; i += 3) z[i] = special[i / 3 % 4];
  return z;
}

TEST(PlanePasses, DepositsTheGradientWhereTheViewLetsItPass) {
  for_each_view([](const PixelView& view) {
    for (const std::size_t count : kCounts) {
      const Input d(count, 4);
      const Input z = pixels_about_the_kink(count);
      for (const bool accumulate : {false, true}) {
        const double before = accumulate ? 2.0 : 0.0;
        const auto right = [&](std::size_t i, float gradient) {
          // One rounding, as in the kernel; NaN lets the gradient pass.
          const bool stops = view.relu && std::fma(view.scale, z[i], view.shift) <= 0.0F;
          return before + (stops ? 0.0 : double{gradient});
        };
        expect_written(
            count,
            [&](float* g) { deposit_gradient(d.data(), z.data(), view, count, accumulate, g); },
            [&](std::size_t i) { return right(i, d[i]); }, 2.0F);
        expect_written(
            count, [&](float* g) { deposit_gradient(0.75F, z.data(), view, count, accumulate, g); },
            [&](std::size_t i) { return right(i, 0.75F); }, 2.0F);
      }
    }
  });
}

TEST(PlanePasses, ForwardAndBackwardAgreeOnTheSideOfTheRelu) {
  on_every_target([] {
    const std::size_t count = 101;
    const Input z = pixels_about_the_kink(count);
    Output value(count);
    Output gradient(count);
    load(z.data(), kRelu, count, value.data());
    deposit_gradient(1.0F, z.data(), kRelu, count, false, gradient.data());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(gradient[i] == 0.0F, value[i] <= 0.0F) << i << ": " << value[i];
    }
  });
}

TEST(PlanePasses, StopsTheGradientAtExactlyZero) {
  on_every_target([] {
    Input z(3);
    z[0] = -0.5F;
    z[1] = -0.4999F;
    z[2] = -0.5001F;
    Output g(3);
    deposit_gradient(1.0F, z.data(), {2.0F, 1.0F, true}, 3, false, g.data());
    EXPECT_EQ(g.values(), (std::vector<float>{0.0F, 1.0F, 0.0F}));
  });
}

TEST(PlanePasses, SumsInTwoPasses) {
  on_every_target([] {
    for (const std::size_t count : kCounts) {
      // Far from zero: one pass over the squares would lose all digits.
      Input z(count, 6);
      const Input g(count, 7);
      for (std::size_t i = 0; i < count; ++i) z[i] = 1000.0F + 0.01F * z[i];
      double sum = 0.0, squares = 0.0, plain = 0.0, centred = 0.0;
      for (std::size_t i = 0; i < count; ++i) sum += double{z[i]};
      const double mean = sum / static_cast<double>(count);
      for (std::size_t i = 0; i < count; ++i) {
        squares += (double{z[i]} - mean) * (double{z[i]} - mean);
        plain += double{g[i]};
        centred += double{g[i]} * (double{z[i]} - 1000.0);
      }
      const Moments moments = plane_moments(z.data(), count);
      EXPECT_NEAR(moments.mean, mean, 1e-4 * (1 + 0.01 * static_cast<double>(count / 16)));
      EXPECT_NEAR(moments.squares, squares, 1e-4 * squares + 1e-12) << count;
      const GradientSums sums = gradient_sums(g.data(), z.data(), 1000.0F, count);
      EXPECT_NEAR(sums.plain, plain, 1e-5) << count;
      EXPECT_NEAR(sums.centred, centred, 1e-6) << count;
    }
  });
}

TEST(PlanePasses, SumsThePlaneAsSeen) {
  for_each_view([](const PixelView& view) {
    for (const std::size_t count : kCounts) {
      Input z(count, 6);
      double sum = 0.0;
      for (std::size_t i = 0; i < count; ++i) sum += seen(view, z[i]);
      EXPECT_NEAR(view_sum(z.data(), view, count), sum, 2e-5) << count;
      z[count - 1] = kNaN;
      EXPECT_TRUE(std::isnan(view_sum(z.data(), view, count)));
      EXPECT_TRUE(std::isnan(plane_moments(z.data(), count).mean));
    }
  });
}

TEST(PlanePasses, BitsDoNotDependOnAlignment) {
  on_every_target([] {
    const std::size_t count = 1023;
    std::vector<double> first;
    for (const std::size_t shift : {0, 1, 5, 8}) {
      const Input z(count, 6, shift);
      const Input g(count, 7, shift);
      const Moments moments = plane_moments(z.data(), count);
      const GradientSums sums = gradient_sums(g.data(), z.data(), 0.125F, count);
      const std::vector<double> all = {moments.mean, moments.squares, sums.plain, sums.centred,
                                       view_sum(z.data(), kRelu, count)};
      if (shift == 0) first = all;
      EXPECT_EQ(all, first);
    }
  });
}

}  // namespace
}  // namespace enas::nn
