// SPDX-License-Identifier: Apache-2.0
// What the tests of the plane kernels share: every instruction set of the machine in turn, and
// buffers that show reads of garbage and stray writes.
#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "nn/plane/kernels.hpp"

namespace enas::nn {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kGuard = -12345.0F;

/// Runs `body` once for each instruction set that the kernels are compiled for and the machine has.
template <class Body>
void on_every_target(const Body& body) {
  const std::int64_t here = hwy::SupportedTargets();
  for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_NEON, HWY_SCALAR}) {
    if ((here & target) == 0) continue;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

/// Height and width.
inline std::vector<std::pair<int, int>> plane_sizes() {
  return {{1, 1}, {1, 5}, {7, 7}, {8, 8}, {16, 16}, {17, 3}, {3, 17}, {32, 32}, {33, 31}, {2, 300}};
}

/// `count` values about zero, `shift` floats behind an aligned address; NaN around them, as far as
/// a kernel may read.
class Input {
 public:
  explicit Input(std::size_t count, unsigned seed = 1, std::size_t shift = 0)
      : values_(shift + count + kPlaneSlack, kNaN), shift_(shift), count_(count) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
    for (std::size_t i = 0; i < count; ++i) (*this)[i] = uniform(random);
  }
  float& operator[](std::size_t i) { return values_[shift_ + i]; }
  float operator[](std::size_t i) const { return values_[shift_ + i]; }
  const float* data() const { return values_.data() + shift_; }
  std::size_t count() const { return count_; }

 private:
  std::vector<float> values_;
  std::size_t shift_, count_;
};

/// `count` values to be written, nothing readable behind the guards that follow them.
class Output {
 public:
  explicit Output(std::size_t count, float value = kGuard, std::size_t shift = 0)
      : values_(shift + count + 5, kGuard), shift_(shift), count_(count) {
    for (std::size_t i = 0; i < count; ++i) values_[shift + i] = value;
  }
  float* data() { return values_.data() + shift_; }
  float operator[](std::size_t i) const { return values_[shift_ + i]; }
  std::vector<float> values() const {
    return {values_.begin() + static_cast<std::ptrdiff_t>(shift_),
            values_.begin() + static_cast<std::ptrdiff_t>(shift_ + count_)};
  }
  void expect_guards_untouched() const {
    for (std::size_t i = 0; i < shift_; ++i) ASSERT_EQ(values_[i], kGuard) << "in front";
    for (std::size_t i = shift_ + count_; i < values_.size(); ++i) {
      ASSERT_EQ(values_[i], kGuard) << i - shift_ - count_ << " behind the end";
    }
  }

 private:
  std::vector<float> values_;
  std::size_t shift_, count_;
};

/// Same bits; any two NaN count as the same.
inline bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

inline void expect_same(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(same(a[i], b[i])) << "at " << i << ": " << a[i] << " and " << b[i];
  }
}

inline std::size_t as_size(int value) { return static_cast<std::size_t>(value); }

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

}  // namespace enas::nn
