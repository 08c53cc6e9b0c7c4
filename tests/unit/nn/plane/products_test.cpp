// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "nn/kernel/machine.hpp"
#include "nn/plane/kernels.hpp"

namespace enas::nn {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kGuard = 12345.0F;
constexpr int kWidths[] = {1, 5, 7, 8, 16, 17, 31, 32, 33};

struct Shape {
  int num_out, num_terms, width, num_rows;
};

std::string text(const Shape& shape) {
  return std::to_string(shape.num_out) + " outputs, " + std::to_string(shape.num_terms) +
         " terms, " + std::to_string(shape.num_rows) + " rows of " + std::to_string(shape.width);
}

// Terms are rows of kPitch floats in a random order. Whatever is not a pixel of a row is NaN in
// inputs and gradients, and a guard in outputs.
class Planes {
 public:
  Planes(const Shape& shape, unsigned seed, std::size_t shift = 0) : shape_(shape), shift_(shift) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
    const int pitch = shape.width + 3;
    const int plane = pitch * shape.num_rows;
    in_.assign(shift + size(plane * shape.num_terms) + kPlaneSlack, kNan);
    gradient_.assign(shift + size(plane * shape.num_out) + kPlaneSlack, kNan);
    out_.assign(gradient_.size(), kGuard);
    for (int t = 0; t < shape.num_terms; ++t) term_.push_back(t * plane);
    std::shuffle(term_.begin(), term_.end(), random);
    out_stride_ = plane;
    for (int r = 0; r < shape.num_rows; ++r) {
      in_rows_.push_back(r * pitch);
      out_rows_.push_back((shape.num_rows - 1 - r) * pitch);
    }
    for (int i = 0; i < shape.num_out * shape.num_terms; ++i) weight_.push_back(uniform(random));
    for (int r = 0; r < shape.num_rows; ++r) {
      for (int x = 0; x < shape.width; ++x) {
        for (const int term : term_)
          in_[shift + size(term + in_rows_[size(r)] + x)] = uniform(random);
        for (int o = 0; o < shape.num_out; ++o) gradient_[out_index(o, r, x)] = uniform(random);
      }
    }
  }

  PixelRows rows() const { return {shape_.width, in_rows_, out_rows_}; }

  std::vector<float> multiply(std::ptrdiff_t out_stride, std::ptrdiff_t term_stride) const {
    const PackedCoefficients coefficients(weight_.data(), shape_.num_out, shape_.num_terms,
                                          out_stride, term_stride);
    std::vector<float> out = out_;
    multiply_planes(coefficients, term_, in_.data() + shift_, rows(), out.data() + shift_,
                    out_stride_);
    return {out.begin() + static_cast<std::ptrdiff_t>(shift_), out.end()};
  }
  std::vector<float> multiply() const { return multiply(shape_.num_terms, 1); }

  std::vector<float> accumulate(float start) const {
    std::vector<float> sum(weight_.size(), start);
    accumulate_products(gradient_.data() + shift_, out_stride_, shape_.num_out, in_.data() + shift_,
                        term_, rows(), sum.data());
    return sum;
  }

  // Each product and each sum is rounded once: |error| ≤ γ(n + 1) · Σ |product| (Higham, Accuracy
  // and Stability of Numerical Algorithms, 3.1), whatever the order of the n terms.
  static void expect_sum(float found, double sum, double sum_of_sizes, int num_terms) {
    const double rounding = (num_terms + 1) * std::ldexp(1.0, -24);
    EXPECT_NEAR(found, sum, rounding / (1.0 - rounding) * sum_of_sizes);
  }

  void expect_outputs(const std::vector<float>& out, bool transposed) const {
    std::vector<float> guards = out;
    for (int o = 0; o < shape_.num_out; ++o) {
      for (int r = 0; r < shape_.num_rows; ++r) {
        for (int x = 0; x < shape_.width; ++x) {
          double sum = 0.0;
          double sizes = 0.0;
          for (int t = 0; t < shape_.num_terms; ++t) {
            const int place = transposed ? t * shape_.num_out + o : o * shape_.num_terms + t;
            const double product = double{weight_[size(place)]} * input(t, r, x);
            sum += product;
            sizes += std::abs(product);
          }
          expect_sum(out[out_index(o, r, x) - shift_], sum, sizes, shape_.num_terms);
          guards[out_index(o, r, x) - shift_] = kGuard;
        }
      }
    }
    for (const float guard : guards) ASSERT_EQ(guard, kGuard);
  }

  void expect_sums(const std::vector<float>& found, float start) const {
    for (int o = 0; o < shape_.num_out; ++o) {
      for (int t = 0; t < shape_.num_terms; ++t) {
        double sum = start;
        double sizes = std::abs(start);
        for (int r = 0; r < shape_.num_rows; ++r) {
          for (int x = 0; x < shape_.width; ++x) {
            const double product = double{gradient_[out_index(o, r, x)]} * input(t, r, x);
            sum += product;
            sizes += std::abs(product);
          }
        }
        expect_sum(found[size(o * shape_.num_terms + t)], sum, sizes,
                   1 + shape_.num_rows * shape_.width);
      }
    }
  }

 private:
  static std::size_t size(int value) { return static_cast<std::size_t>(value); }
  std::size_t out_index(int o, int r, int x) const {
    return shift_ + size(static_cast<int>(out_stride_) * o + out_rows_[size(r)] + x);
  }
  double input(int t, int r, int x) const {
    return in_[shift_ + size(term_[size(t)] + in_rows_[size(r)] + x)];
  }

  Shape shape_;
  std::size_t shift_;
  std::ptrdiff_t out_stride_ = 0;
  std::vector<float> in_, gradient_, out_, weight_;
  std::vector<int> term_, in_rows_, out_rows_;
};

// Runs on one instruction set; 0 is the best of the machine.
class PlaneProducts : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    if (GetParam() == 0) return;
    hwy::SetSupportedTargetsForTest(GetParam());
    if (simd_target() != std::string(hwy::TargetName(GetParam()))) {
      GTEST_SKIP() << "not compiled, or not on this machine: " << hwy::TargetName(GetParam());
    }
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

std::vector<Shape> shapes() {
  std::vector<Shape> shapes;
  std::mt19937 random(7);
  for (const int width : kWidths) {
    for (int i = 0; i < 6; ++i) {
      shapes.push_back({1 + static_cast<int>(random() % 25), 1 + static_cast<int>(random() % 60),
                        width, 1 + static_cast<int>(random() % 5)});
    }
  }
  for (int num_out = 1; num_out <= 25; ++num_out) shapes.push_back({num_out, num_out, 33, 2});
  return shapes;
}

TEST_P(PlaneProducts, MultiplyEqualsPlainLoops) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(text(shape));
    const Planes planes(shape, 1);
    planes.expect_outputs(planes.multiply(), false);
    planes.expect_outputs(planes.multiply(1, shape.num_out), true);
  }
}

TEST_P(PlaneProducts, AccumulateEqualsPlainLoops) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(text(shape));
    const Planes planes(shape, 2);
    planes.expect_sums(planes.accumulate(0.0F), 0.0F);
    planes.expect_sums(planes.accumulate(2.5F), 2.5F);
  }
}

TEST_P(PlaneProducts, BitsDoNotDependOnAlignmentOrOnTheCall) {
  for (const int width : kWidths) {
    const Shape shape{13, 17, width, 3};
    SCOPED_TRACE(text(shape));
    const Planes planes(shape, 3);
    for (const std::size_t shift : {0U, 1U, 7U}) {
      const Planes shifted(shape, 3, shift);
      EXPECT_EQ(planes.multiply(), shifted.multiply());
      EXPECT_EQ(planes.accumulate(1.0F), shifted.accumulate(1.0F));
    }
  }
}

TEST_P(PlaneProducts, NanReachesOnlyItsOwnSums) {
  std::vector<float> in(4 + kPlaneSlack, 1.0F);
  in[1] = kNan;
  const std::vector<float> weight{2.0F};
  const std::vector<int> zero{0};
  std::vector<float> out(4, kGuard);
  multiply_planes(PackedCoefficients(weight.data(), 1, 1, 1, 1), zero, in.data(), {3, zero, zero},
                  out.data(), 4);
  EXPECT_EQ(out[0], 2.0F);
  EXPECT_TRUE(std::isnan(out[1]));
  EXPECT_EQ(out[2], 2.0F);
  EXPECT_EQ(out[3], kGuard);
  const std::vector<int> terms{0, 2};
  std::vector<float> sum(2, 0.0F);
  accumulate_products(in.data() + 4, 0, 1, in.data(), terms, {2, zero, zero}, sum.data());
  EXPECT_TRUE(std::isnan(sum[0]));
  EXPECT_EQ(sum[1], 2.0F);
}

TEST_P(PlaneProducts, NoTermsGiveZerosAndNoRowsNothing) {
  const std::vector<float> in(4 + kPlaneSlack, 1.0F);
  const std::vector<int> zero{0};
  std::vector<float> out(4, kGuard);
  const PackedCoefficients none(nullptr, 1, 0, 1, 1);
  multiply_planes(none, {}, in.data(), {2, {}, {}}, out.data(), 4);
  EXPECT_EQ(out, std::vector<float>(4, kGuard));
  multiply_planes(none, {}, in.data(), {2, zero, zero}, out.data(), 4);
  EXPECT_EQ(out, (std::vector<float>{0.0F, 0.0F, kGuard, kGuard}));
  float sum = 3.0F;
  accumulate_products(in.data(), 4, 1, in.data(), zero, {2, {}, {}}, &sum);
  EXPECT_EQ(sum, 3.0F);
}

INSTANTIATE_TEST_SUITE_P(Targets, PlaneProducts,
                         testing::Values(std::int64_t{0}, std::int64_t{HWY_AVX2},
                                         std::int64_t{HWY_AVX3}, std::int64_t{HWY_STATIC_TARGET}));

// One fused sum in the order of the terms, whatever the tile; dot products differ in their order.
TEST(PlaneProductsOnTwoSets, ProductsHaveTheSameBitsAndSumsAgree) {
  const Shape shape{25, 40, 33, 5};
  const Planes planes(shape, 4);
  std::vector<std::vector<float>> products, sums;
  for (const std::int64_t target : {std::int64_t{HWY_AVX2}, std::int64_t{HWY_AVX3}}) {
    hwy::SetSupportedTargetsForTest(target);
    const bool runs = simd_target() == std::string(hwy::TargetName(target));
    if (runs) products.push_back(planes.multiply());
    if (runs) sums.push_back(planes.accumulate(0.0F));
    hwy::SetSupportedTargetsForTest(0);
  }
  if (products.size() < 2) GTEST_SKIP() << "only one of AVX2 and AVX3 is compiled and here";
  EXPECT_EQ(products[0], products[1]);
  const int num_pixels = shape.width * shape.num_rows;
  for (std::size_t i = 0; i < sums[0].size(); ++i) {
    Planes::expect_sum(sums[0][i], sums[1][i], 2.0 * num_pixels, num_pixels);
  }
}

TEST(PackedCoefficients, GroupsAreBalanced) {
  const int sizes[][2] = {{1, 1},   {10, 10}, {12, 12}, {13, 7},  {18, 9},
                          {20, 10}, {25, 9},  {36, 12}, {37, 10}, {80, 12}};
  for (const auto& [num_out, group_size] : sizes) {
    const std::vector<float> values(static_cast<std::size_t>(num_out), 1.0F);
    EXPECT_EQ(PackedCoefficients(values.data(), num_out, 1, 1, 1).group_size(), group_size);
  }
}

TEST(PackedCoefficients, LieByGroupTermAndOutput) {
  std::vector<float> values;
  for (int i = 0; i < 26; ++i) values.push_back(static_cast<float>(i));
  const PackedCoefficients packed(values.data(), 13, 2, 2, 1);
  const std::vector<float> expected{0,  2,  4,  6,  8,  10, 12, 1,  3,  5,  7,  9,  11,
                                    13, 14, 16, 18, 20, 22, 24, 15, 17, 19, 21, 23, 25};
  EXPECT_EQ(std::vector<float>(packed.data(), packed.data() + 26), expected);
}

}  // namespace
}  // namespace enas::nn
