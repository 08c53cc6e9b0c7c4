// SPDX-License-Identifier: Apache-2.0
#include "nn/highway_node.hpp"

#include <gtest/gtest.h>

#include "random_tensor.hpp"

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
