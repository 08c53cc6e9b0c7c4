// SPDX-License-Identifier: Apache-2.0
// Copies of weights on a device, with the CPU for the device.
#include "nn/device/device.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace enas::nn {
namespace {

TEST(DeviceWeights, PassesSeeTheHostsValuesOnlyAfterARefresh) {
  const std::vector<Weight> network = {{"a", at::full({2, 3}, 1.0F), true},
                                       {"b", at::full({4}, 2.0F), false}};
  const DeviceWeights weights(network, at::kCPU);
  ASSERT_EQ(weights.on_host().size(), 2U);
  EXPECT_EQ(weights.on_host()[1].name, "b");
  EXPECT_FALSE(weights.on_host()[1].decays);
  EXPECT_TRUE(at::equal(weights.on_host()[0].value, network[0].value));

  weights.on_host()[0].value.fill_(5.0);
  weights.on_host()[1].value.fill_(6.0);
  EXPECT_EQ(network[0].value.max().item<float>(), 1.0F);
  weights.refresh(1);
  EXPECT_EQ(network[0].value.max().item<float>(), 1.0F);
  EXPECT_EQ(network[1].value.max().item<float>(), 6.0F);
  weights.refresh_all();
  EXPECT_EQ(network[0].value.min().item<float>(), 5.0F);
}

TEST(Bfloat16Products, RoundFactorsWhileTheyLive) {
  // 1 + 2^-10 has no place in bfloat16.
  const at::Tensor a = at::full({8, 8}, 1.0F + 0x1p-10F);
  const at::Tensor one = at::eye(8);
  {
    const Bfloat16Products unwanted(at::kCPU, false);
    EXPECT_TRUE(at::equal(at::mm(a, one), a));
  }
  {
    const Bfloat16Products wanted(at::kCPU, true);
    EXPECT_TRUE(at::equal(at::mm(a, one).to(at::kFloat), at::ones({8, 8})));
  }
  EXPECT_TRUE(at::equal(at::mm(a, one), a));
}

TEST(Devices, CudaProductsAreFloat32UnlessToldOtherwise) {
  set_cuda_products(Precision::tf32);
  EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
  EXPECT_TRUE(at::globalContext().allowTF32CuDNN());
  set_cuda_products(Precision::float32);
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
  EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
  EXPECT_TRUE(at::globalContext().deterministicCuDNN());
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  at::globalContext().setDeterministicAlgorithms(false, false);  // as the other tests want it
}

}  // namespace
}  // namespace enas::nn
