// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/product.hpp"

#include <gtest/gtest.h>

#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

/// Three layouts: whole, transposed, columns of a wider matrix.
at::Tensor matrix(std::int64_t rows, std::int64_t columns, int layout, std::uint64_t number,
                  at::ScalarType type) {
  if (layout == 1) return random_tensor({columns, rows}, number, type).t();
  if (layout == 2) return random_tensor({rows, columns + 5}, number, type).narrow(1, 2, columns);
  return random_tensor({rows, columns}, number, type);
}

void expect_product(at::ScalarType type, Precision precision, double tolerance) {
  for (int layout = 0; layout < 9; ++layout) {
    for (const std::int64_t depth : {std::int64_t{1}, std::int64_t{37}}) {
      const at::Tensor a = matrix(13, depth, layout % 3, 1, type);
      const at::Tensor b = matrix(depth, 21, layout / 3, 2, type);
      at::Tensor out = at::full({13, 30}, 1.0, type);
      const auto rounded = [&](const at::Tensor& values) {
        return as_factor(values, precision).to(at::kDouble);
      };
      const at::Tensor expected = rounded(a).mm(rounded(b));
      product_out(out.narrow(1, 4, 21), a, b, precision);
      EXPECT_LE(relative_difference(out.narrow(1, 4, 21), expected), tolerance) << layout;
      product_out(out.narrow(1, 4, 21), a, as_factor(b, precision), precision, true);
      EXPECT_LE(relative_difference(out.narrow(1, 4, 21), 2 * expected), tolerance) << layout;
      EXPECT_EQ(out.narrow(1, 0, 4).sum().item<double>(), 13 * 4);
      EXPECT_EQ(out.narrow(1, 25, 5).sum().item<double>(), 13 * 5);
    }
  }
}

TEST(Product, IsLibTorchsInFloatAndDouble) {
  expect_product(at::kFloat, Precision::float32, 1e-6);
  expect_product(at::kDouble, Precision::float32, 1e-14);
  expect_product(at::kDouble, Precision::bfloat16, 1e-14);
}

TEST(Product, RoundsFactorsToBfloat16AndKeepsSumsInFloat) {
  // Where no product with float32 results is fast, the result is rounded too.
  expect_product(at::kFloat, Precision::bfloat16, has_mixed_product() ? 1e-6 : 1.0 / 128);
}

TEST(Product, FactorsAreRoundedOnceAndOnlyIfAsked) {
  const at::Tensor a = random_tensor({3, 4}, 1, at::kFloat);
  EXPECT_TRUE(as_factor(a, Precision::float32).is_same(a));
  const at::Tensor rounded = as_factor(a, Precision::bfloat16);
  EXPECT_EQ(rounded.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(as_factor(rounded, Precision::bfloat16).is_same(rounded));
}

TEST(Product, RowsOfBitsAreMultiplied) {
  if (!has_mixed_product()) GTEST_SKIP() << "no product of bfloat16 with float32 results";
  const at::Tensor left = random_tensor({6, 10}, 1, at::kBFloat16);
  const at::Tensor right = random_tensor({10, 12}, 2, at::kBFloat16);
  const at::Tensor turned = right.t().contiguous();
  const auto bits = [](const at::Tensor& values) {
    return static_cast<const std::uint16_t*>(values.const_data_ptr());
  };
  const at::Tensor expected = left.to(at::kDouble).mm(right.to(at::kDouble));
  at::Tensor out = at::zeros({6, 15});
  float* const data = out.data_ptr<float>();
  multiply_bfloat16({bits(left), false, bits(right), false, 6, 10, 12, data, 15, false});
  EXPECT_LE(relative_difference(out.narrow(1, 0, 12), expected), 1e-6);
  const at::Tensor turned_left = left.t().contiguous();
  multiply_bfloat16({bits(turned_left), true, bits(turned), true, 6, 10, 12, data, 15, true});
  EXPECT_LE(relative_difference(out.narrow(1, 0, 12), 2 * expected), 1e-6);
  EXPECT_EQ(out.narrow(1, 12, 3).abs().sum().item<float>(), 0.0F);
}

TEST(Product, Float32IsNeverAProblem) { EXPECT_EQ(precision_problem(Precision::float32), ""); }

}  // namespace
}  // namespace enas::nn
