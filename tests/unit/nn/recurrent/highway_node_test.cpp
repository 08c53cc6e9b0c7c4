// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent/highway_node.hpp"

#include <gtest/gtest.h>

#include "unit/nn/plane/fixture.hpp"
#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

constexpr NodeFunction kFunctions[] = {NodeFunction::tanh, NodeFunction::relu,
                                       NodeFunction::identity, NodeFunction::sigmoid};

struct Result {
  at::Tensor u, h, masked, pre_gradient, carry_gradient;
};

using Forward = decltype(&highway_forward);
using Backward = decltype(&highway_backward);

Result run(Forward forward, Backward backward, const HighwayNode& node,
           const HighwayGradient& gradient, const at::Tensor& pre, bool accumulate) {
  Result result;
  result.u = pre.clone();
  result.h = at::empty_like(node.carry);
  if (node.mask.defined()) result.masked = at::empty_like(node.carry);
  forward(node, result.u, result.h, result.masked);
  result.pre_gradient = result.u.clone();
  result.carry_gradient = random_tensor(node.carry.sizes(), 99, node.carry.scalar_type());
  backward(node, gradient, result.pre_gradient, result.carry_gradient, accumulate);
  return result;
}

void expect_near(const Result& a, const Result& b, double tolerance) {
  EXPECT_LE(relative_difference(a.h, b.h), tolerance);
  EXPECT_LE(relative_difference(a.u, b.u), tolerance);
  EXPECT_LE(relative_difference(a.pre_gradient, b.pre_gradient), tolerance);
  EXPECT_LE(relative_difference(a.carry_gradient, b.carry_gradient), tolerance);
  if (a.masked.defined()) {
    EXPECT_LE(relative_difference(a.masked, b.masked), tolerance);
  }
}

TEST(HighwayNode, KernelsAgreeWithTheReference) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    for (const NodeFunction function : kFunctions) {
      for (int parts = 1; parts < 8; ++parts) {  // which sources of gradient there are
        for (const bool with_mask : {false, true}) {
          const at::Tensor carry = random_tensor({5, 13}, 1, type);
          HighwayNode node{function, carry, {}};
          if (with_mask) node.mask = random_tensor({5, 13}, 2, type);
          HighwayGradient gradient;
          gradient.top_scale = 0.25;
          if (parts & 1) gradient.top = random_tensor({5, 13}, 3, type);
          if (parts & 2) gradient.direct = random_tensor({5, 13}, 4, type);
          if (parts & 4) gradient.masked = random_tensor({5, 13}, 5, type);
          const at::Tensor pre = random_tensor({5, 26}, 6, type, 3.0);
          const bool accumulate = parts % 2 == 0;
          expect_near(run(highway_forward, highway_backward, node, gradient, pre, accumulate),
                      run(highway_forward_reference, highway_backward_reference, node, gradient,
                          pre, accumulate),
                      type == at::kDouble ? 1e-14 : 1e-6);
        }
      }
    }
  }
}

TEST(HighwayNode, KernelsAgreeWithTheReferenceOnEveryInstructionSet) {
  on_every_target([] {
    const HighwayNode node{NodeFunction::tanh, random_tensor({3, 37}, 1, at::kFloat),
                           random_tensor({3, 37}, 2, at::kFloat)};
    const HighwayGradient gradient{
        random_tensor({3, 37}, 3, at::kFloat), 0.3, {}, random_tensor({3, 37}, 4, at::kFloat)};
    const at::Tensor pre = random_tensor({3, 74}, 5, at::kFloat, 4.0);
    expect_near(
        run(highway_forward, highway_backward, node, gradient, pre, true),
        run(highway_forward_reference, highway_backward_reference, node, gradient, pre, true),
        1e-6);
  });
}

TEST(HighwayNode, FunctionsHoldFarFromZeroAndNearIt) {
  const at::Tensor v = torch::tensor({-1e30F, -100.0F, -20.0F, -0.7F, -0.6F, -1e-9F, 0.0F, 1e-9F,
                                      0.624F, 0.626F, 9.0F, 100.0F, 1e30F, kNaN})
                           .view({1, -1});
  const at::Tensor nothing = at::zeros_like(v);
  on_every_target([&] {
    for (const NodeFunction function : kFunctions) {
      at::Tensor u = at::cat({v, v}, 1);
      at::Tensor expected = u.to(at::kDouble);
      at::Tensor h = at::empty_like(v);
      highway_forward({function, nothing, {}}, u, h, {});
      at::Tensor wide_h = at::empty_like(v, at::kDouble);
      highway_forward_reference({function, nothing.to(at::kDouble), {}}, expected, wide_h, {});
      EXPECT_TRUE(at::allclose(u.to(at::kDouble), expected, 3e-7, 1e-37, /*equal_nan=*/true))
          << static_cast<int>(function) << '\n'
          << u << '\n'
          << expected;
      EXPECT_TRUE(h[0][13].isnan().item<bool>());
    }
  });
}

TEST(HighwayNode, RoundsToTheNearestBfloat16) {
  at::Tensor values = random_tensor({1001}, 6, at::kFloat, 100.0);
  values[3] = kNaN;
  values[4] = std::numeric_limits<float>::infinity();
  values[5] = 1.00390625F;  // a tie
  values[6] = 3.4e38F;
  at::Tensor bits = at::empty({1001}, at::kBFloat16);
  on_every_target([&] {
    to_bfloat16(values.const_data_ptr<float>(), 1001, static_cast<std::uint16_t*>(bits.data_ptr()));
    EXPECT_TRUE(at::allclose(bits.to(at::kFloat), values.to(at::kBFloat16).to(at::kFloat), 0.0, 0.0,
                             /*equal_nan=*/true));
  });
}

TEST(HighwayNode, BitsDoNotDependOnThreads) {
  const int threads = at::get_num_threads();
  const HighwayNode node{NodeFunction::tanh, random_tensor({301, 211}, 1, at::kFloat),
                         random_tensor({301, 211}, 2, at::kFloat)};
  const HighwayGradient gradient{
      random_tensor({301, 211}, 3, at::kFloat), 0.3, {}, random_tensor({301, 211}, 4, at::kFloat)};
  const at::Tensor pre = random_tensor({301, 422}, 5, at::kFloat);
  at::set_num_threads(1);
  const Result one = run(highway_forward, highway_backward, node, gradient, pre, true);
  at::set_num_threads(3);
  const Result three = run(highway_forward, highway_backward, node, gradient, pre, true);
  at::set_num_threads(threads);
  expect_near(one, three, 0.0);
}

}  // namespace
}  // namespace enas::nn
