// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/product_kernel.hpp"

#include "unit/nn/plane/fixture.hpp"
#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

struct Sizes {
  std::int64_t rows, depth, columns;
};

constexpr Sizes kSizes[] = {{1, 1, 1},    {3, 7, 5},      {8, 20, 16},  {13, 33, 17},
                            {64, 9, 47},  {65, 12, 48},   {70, 13, 49}, {7, 224, 97},
                            {9, 225, 33}, {17, 700, 200}, {5, 30, 1000}};

at::Tensor packed(const at::Tensor& right) {
  const std::int64_t depth = right.size(0);
  const std::int64_t columns = right.size(1);
  at::Tensor values = at::full({packed_size(depth, columns)}, kNaN);
  const MatrixView view = {right.const_data_ptr<float>(), right.stride(0), right.stride(1)};
  pack_panels(view, depth, columns, 0, num_panels(columns), values.data_ptr<float>());
  return values;
}

PanelProduct product_of(const at::Tensor& left, const at::Tensor& packed_right, at::Tensor& out,
                        bool accumulate) {
  return {{left.const_data_ptr<float>(), left.stride(0), left.stride(1)},
          packed_right.const_data_ptr<float>(),
          out.size(0),
          left.size(1),
          out.size(1),
          out.data_ptr<float>(),
          out.stride(0),
          accumulate};
}

/// A matrix or the transposed view of one, in float.
at::Tensor matrix(std::int64_t rows, std::int64_t columns, bool transposed, std::uint64_t number) {
  return transposed ? random_tensor({columns, rows}, number, at::kFloat).t()
                    : random_tensor({rows, columns}, number, at::kFloat);
}

TEST(ProductKernel, AgreesWithDoubleInEveryLayout) {
  on_every_target([] {
    for (const Sizes& sizes : kSizes) {
      for (int layout = 0; layout < 8; ++layout) {
        const at::Tensor left = matrix(sizes.rows, sizes.depth, (layout & 1) != 0, 1);
        const at::Tensor right = matrix(sizes.depth, sizes.columns, (layout & 2) != 0, 2);
        const bool accumulate = (layout & 4) != 0;
        at::Tensor wide = at::full({sizes.rows, sizes.columns + 3}, 2.0F);
        at::Tensor out = wide.narrow(1, 0, sizes.columns);
        multiply_panels(product_of(left, packed(right), out, accumulate));
        const at::Tensor expected =
            left.to(at::kDouble).mm(right.to(at::kDouble)) + (accumulate ? 2.0 : 0.0);
        const double bound = 1e-7 * (4.0 + static_cast<double>(sizes.depth));
        EXPECT_LE((out.to(at::kDouble) - expected).abs().max().item<double>(), bound)
            << sizes.rows << 'x' << sizes.depth << 'x' << sizes.columns << " layout " << layout;
        EXPECT_TRUE(wide.narrow(1, sizes.columns, 3).eq(2.0F).all().item<bool>());
      }
    }
  });
}

TEST(ProductKernel, BitsDoNotDependOnHowRowsAndPanelsAreDivided) {
  on_every_target([] {
    for (const bool by_columns : {false, true}) {
      const at::Tensor left = matrix(21, 500, by_columns, 3);
      const at::Tensor right = packed(matrix(500, 130, false, 4));
      at::Tensor whole = at::empty({21, 130});
      multiply_panels(product_of(left, right, whole, false));
      at::Tensor parts = at::empty({21, 130});
      for (std::int64_t row = 0; row < 21; row += 5) {
        const std::int64_t rows = std::min<std::int64_t>(5, 21 - row);
        at::Tensor some = parts.narrow(0, row, rows);
        const PanelProduct product = product_of(left.narrow(0, row, rows), right, some, false);
        for (std::int64_t panel = 0; panel < num_panels(130); ++panel) {
          multiply_panels(product, panel, panel + 1);
        }
      }
      EXPECT_TRUE(at::equal(whole, parts));
    }
  });
}

TEST(ProductKernel, NotANumberStaysInItsRow) {
  const at::Tensor left = at::ones({9, 4});
  left[3][2] = kNaN;
  at::Tensor out = at::empty({9, 20});
  multiply_panels(product_of(left, packed(at::ones({4, 20})), out, false));
  EXPECT_TRUE(out[3].isnan().all().item<bool>());
  EXPECT_EQ(out.isnan().sum().item<std::int64_t>(), 20);
}

}  // namespace
}  // namespace enas::nn
