// SPDX-License-Identifier: Apache-2.0
#include "nn/sgd.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.hpp"
#include "random_tensor.hpp"

namespace enas::nn {
namespace {

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

TEST(SquaredNorm, SumsInDoubleOverBlocksAndTails) {
  for (const std::int64_t count : {0, 1, 7, 8, 9, 65535, 65536, 65537, 200003}) {
    const at::Tensor values = random_tensor({count}, 1, at::kFloat);
    const double expected = values.to(at::kDouble).square().sum().item<double>();
    EXPECT_NEAR(squared_norm(values_of(values)), expected, 1e-12 * (expected + 1.0)) << count;
  }
}

TEST(SquaredNorm, BitsDoNotDependOnThreads) {
  const at::Tensor values = random_tensor({1000003}, 2, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double one = squared_norm(values_of(values));
  at::set_num_threads(3);
  EXPECT_EQ(one, squared_norm(values_of(values)));
  at::set_num_threads(threads);
}

TEST(SquaredNorm, SquaresBeyondTheRangeOfFloat) {
  const std::vector<float> values(3, 1e30F);
  EXPECT_NEAR(squared_norm(values) / 3e60, 1.0, 1e-6);
}

TEST(PackWithDecay, AddsDecayToAGradientOfAnyStrides) {
  const at::Tensor weight = random_tensor({30, 101}, 5, at::kFloat);
  const at::Tensor gradient = random_tensor({101, 30}, 6, at::kFloat).t();
  std::vector<float> packed(30 * 101);
  pack_with_decay(gradient, weight, 0.25, packed);
  const at::Tensor expected = gradient.to(at::kDouble) + 0.25 * weight.to(at::kDouble);
  const at::Tensor found = torch::from_blob(packed.data(), {30, 101});
  EXPECT_LE(relative_difference(found, expected), 1e-7);
}

TEST(PackWithDecay, WithoutDecayKeepsTheBits) {
  const at::Tensor weight = random_tensor({7, 9}, 7, at::kFloat);
  const at::Tensor gradient = random_tensor({7, 9}, 8, at::kFloat);
  std::vector<float> packed(63);
  pack_with_decay(gradient, weight, 0.0, packed);
  EXPECT_TRUE(at::equal(torch::from_blob(packed.data(), {7, 9}), gradient));
}

TEST(PackWithDecay, ReturnsTheSquaredNormToTheBitWhateverTheThreads) {
  const int threads = at::get_num_threads();
  for (const std::int64_t count : {0, 1, 7, 2047, 2049, 65536, 65537, 200003}) {
    const at::Tensor weight = random_tensor({count}, 18, at::kFloat);
    const at::Tensor gradient = random_tensor({count}, 19, at::kFloat);
    std::vector<float> packed(static_cast<std::size_t>(count));
    for (const double decay : {0.0, 0.25}) {
      for (const int num_threads : {1, 3}) {
        at::set_num_threads(num_threads);
        const double returned = pack_with_decay(gradient, weight, decay, packed);
        EXPECT_EQ(returned, squared_norm(packed))
            << count << " values, decay " << decay << ", " << num_threads << " threads";
      }
    }
  }
  at::set_num_threads(threads);
}

TEST(PackWithDecay, RefusesSizesThatDiffer) {
  std::vector<float> packed(4);
  EXPECT_THROW(pack_with_decay(at::zeros({5}), at::zeros({5}), 0.0, packed), ContractError);
  EXPECT_THROW(pack_with_decay(at::zeros({4}), at::zeros({2, 2}), 0.0, packed), ContractError);
}

TEST(ApplyUpdate, MovesAgainstTheScaledGradient) {
  at::Tensor weight = random_tensor({300, 1001}, 3, at::kFloat);
  const at::Tensor gradient = random_tensor({300, 1001}, 4, at::kFloat);
  const at::Tensor expected = weight.to(at::kDouble) - 20.0 * 0.125 * gradient.to(at::kDouble);
  apply_update(weight, values_of(gradient), 0.125, 20.0);
  EXPECT_LE(relative_difference(weight, expected), 1e-7);
}

TEST(ApplyUpdate, RefusesAGradientOfAnotherSize) {
  at::Tensor weight = at::zeros({4});
  EXPECT_THROW(apply_update(weight, values_of(at::zeros({5})), 1.0, 1.0), ContractError);
  EXPECT_THROW(apply_update(weight.to(at::kDouble), values_of(at::zeros({4})), 1.0, 1.0),
               ContractError);
}

TEST(ApplyNesterov, MovesAsTheAuthorsCodeSays) {
  constexpr double kScale = 0.125;
  constexpr double kLr = 0.05;
  constexpr double kMomentum = 0.9;
  at::Tensor weight = random_tensor({300, 1001}, 9, at::kFloat);
  at::Tensor velocity = at::zeros({300, 1001}, at::kFloat);
  at::Tensor wide_weight = weight.to(at::kDouble);
  at::Tensor wide_velocity = velocity.to(at::kDouble);
  for (std::uint64_t step = 0; step < 3; ++step) {
    const at::Tensor gradient = random_tensor({300, 1001}, 10 + step, at::kFloat);
    const at::Tensor slope = kScale * gradient.to(at::kDouble);
    wide_velocity = kMomentum * wide_velocity + slope;
    wide_weight = wide_weight - kLr * (slope + kMomentum * wide_velocity);
    apply_nesterov(weight, velocity, values_of(gradient), kScale, kLr, kMomentum);
    EXPECT_LE(relative_difference(velocity, wide_velocity), 3e-7) << step;
    EXPECT_LE(relative_difference(weight, wide_weight), 3e-7) << step;
  }
}

TEST(ApplyNesterov, WithoutMomentumIsPlainDescent) {
  at::Tensor weight = random_tensor({1000}, 13, at::kFloat);
  at::Tensor plain = weight.clone();
  at::Tensor velocity = random_tensor({1000}, 14, at::kFloat);  // forgotten at once
  const at::Tensor gradient = random_tensor({1000}, 15, at::kFloat);
  apply_nesterov(weight, velocity, values_of(gradient), 0.5, 2.0, 0.0);
  apply_update(plain, values_of(gradient), 0.5, 2.0);
  EXPECT_LE(relative_difference(weight, plain), 1e-7);
  EXPECT_TRUE(at::equal(velocity, 0.5 * gradient));
}

TEST(ApplyNesterov, BitsDoNotDependOnThreads) {
  const at::Tensor start = random_tensor({1000003}, 16, at::kFloat);
  const at::Tensor gradient = random_tensor({1000003}, 17, at::kFloat);
  const auto move = [&](int num_threads) {
    at::set_num_threads(num_threads);
    at::Tensor weight = start.clone();
    at::Tensor velocity = start.neg();
    apply_nesterov(weight, velocity, values_of(gradient), 0.5, 0.1, 0.9);
    return at::cat({weight, velocity});
  };
  const int threads = at::get_num_threads();
  const at::Tensor one = move(1);
  const at::Tensor three = move(3);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, three));
}

TEST(ApplyNesterov, RefusesSizesThatDiffer) {
  const auto move = [](const at::Tensor& weight, const at::Tensor& velocity) {
    apply_nesterov(weight, velocity, values_of(at::zeros({4})), 1.0, 1.0, 0.9);
  };
  EXPECT_NO_THROW(move(at::zeros({4}), at::zeros({2, 2})));
  EXPECT_THROW(move(at::zeros({5}), at::zeros({4})), ContractError);
  EXPECT_THROW(move(at::zeros({4}), at::zeros({5})), ContractError);
  EXPECT_THROW(move(at::zeros({4}, at::kDouble), at::zeros({4})), ContractError);
  EXPECT_THROW(move(at::zeros({4}), at::zeros({8}).slice(0, 0, 8, 2)), ContractError);
}

}  // namespace
}  // namespace enas::nn
