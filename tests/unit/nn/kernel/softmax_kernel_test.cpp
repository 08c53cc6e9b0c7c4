// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/softmax_kernel.hpp"

#include "unit/nn/plane/fixture.hpp"
#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

TEST(SoftmaxKernel, SumsAndReplacesAsInDouble) {
  on_every_target([] {
    for (const std::int64_t count : {1, 5, 15, 16, 17, 64, 1000, 70001}) {
      const at::Tensor logits = random_tensor({count}, 1, at::kFloat, 9.0) + 50.0;
      const at::Tensor wide = logits.to(at::kDouble);
      const at::Tensor expected = (wide - wide.max()).exp();
      at::Tensor values = logits.clone();
      const SoftmaxRow kept = softmax_row(values.data_ptr<float>(), count, false);
      EXPECT_TRUE(at::equal(values, logits));
      const SoftmaxRow row = softmax_row(values.data_ptr<float>(), count, true);
      EXPECT_EQ(row.largest, logits.max().item<float>());
      EXPECT_EQ(row.sum, kept.sum);
      EXPECT_NEAR(row.sum / expected.sum().item<double>(), 1.0, 3e-7) << count;
      EXPECT_LE(((values.to(at::kDouble) - expected) / expected).abs().max().item<double>(), 3e-7);
    }
  });
}

TEST(SoftmaxKernel, WhatIsNotFiniteShows) {
  on_every_target([] {
    for (const float bad : {kNaN, std::numeric_limits<float>::infinity()}) {
      for (const std::int64_t place : {0, 7, 40, 82}) {
        at::Tensor logits = at::zeros({83});
        logits[place] = bad;
        EXPECT_TRUE(std::isnan(softmax_row(logits.data_ptr<float>(), 83, false).sum)) << place;
      }
    }
    at::Tensor logits = at::full({20}, -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(softmax_row(logits.data_ptr<float>(), 20, false).sum));
    logits.fill_(-std::numeric_limits<float>::infinity());
    logits[3] = 1.0;  // the others have probability zero
    EXPECT_NEAR(softmax_row(logits.data_ptr<float>(), 20, true).sum, 1.0, 1e-7);
  });
}

TEST(SoftmaxKernel, NothingSubnormalIsLeft) {
  at::Tensor values = at::arange(0, 200, at::kFloat).neg();  // down to exp(-199)
  on_every_target([&] {
    at::Tensor row = values.clone();
    const SoftmaxRow softmax = softmax_row(row.data_ptr<float>(), 200, true);
    EXPECT_NEAR(softmax.sum, 1.0 / (1.0 - std::exp(-1.0)), 1e-6);
    scale_row(row.data_ptr<float>(), 200, 1e-8F, row.data_ptr<float>());
    EXPECT_EQ(row.gt(0.0).mul(row.lt(1e-30)).sum().item<std::int64_t>(), 0);
    EXPECT_GT(row[40].item<float>(), 0.0F);
    EXPECT_EQ(row[199].item<float>(), 0.0F);
  });
}

TEST(SoftmaxKernel, ScalesARow) {
  const at::Tensor in = random_tensor({37}, 2, at::kFloat);
  at::Tensor out = at::empty({37});
  scale_row(in.const_data_ptr<float>(), 37, 0.5F, out.data_ptr<float>());
  EXPECT_TRUE(at::equal(out, in * 0.5));
}

}  // namespace
}  // namespace enas::nn
