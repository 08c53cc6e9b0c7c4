// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent/cross_entropy.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

at::Tensor random_targets(std::int64_t rows, std::int64_t vocabulary) {
  return random_tensor({rows}, 77, at::kDouble, 0.5)
      .add(0.5)
      .mul(static_cast<double>(vocabulary))
      .floor()
      .clamp(0, static_cast<double>(vocabulary - 1))
      .to(at::kLong);
}

void expect_libtorch(at::ScalarType type, Precision precision, double tolerance) {
  for (const std::int64_t rows : {std::int64_t{1}, kCrossEntropyRows - 1, kCrossEntropyRows,
                                  kCrossEntropyRows + 1, 2 * kCrossEntropyRows + 3}) {
    const at::Tensor outputs = random_tensor({rows, 7}, 1, type).requires_grad_();
    const at::Tensor embedding = random_tensor({23, 7}, 2, type).requires_grad_();
    const at::Tensor targets = random_targets(rows, 23);
    Workspace workspace;
    const at::Tensor loss = cross_entropy(outputs, embedding, targets, workspace, precision);
    const at::Tensor expected =
        at::cross_entropy_loss(outputs.to(at::kDouble).mm(embedding.to(at::kDouble).t()), targets);
    EXPECT_NEAR(loss.item<double>(), expected.item<double>(), tolerance);
    // Times 3: an outer factor must reach both gradients.
    const auto gradients = torch::autograd::grad({3 * loss}, {outputs, embedding});
    const auto right = torch::autograd::grad({3 * expected}, {outputs, embedding});
    EXPECT_LE(relative_difference(gradients[0], right[0]), tolerance);
    EXPECT_LE(relative_difference(gradients[1], right[1]), tolerance);
    const double total = cross_entropy_total(outputs, embedding, targets, workspace, precision);
    EXPECT_NEAR(total / static_cast<double>(rows), expected.item<double>(), tolerance);
  }
}

TEST(CrossEntropy, AgreesWithLibTorchAtBlockBoundaries) {
  expect_libtorch(at::kDouble, Precision::float32, 1e-13);
  expect_libtorch(at::kFloat, Precision::float32, 1e-6);
  // Factors have 8 bits.
  expect_libtorch(at::kFloat, Precision::bfloat16, 1e-2);
}

void expect_libtorch_with_bias(at::ScalarType type, Precision precision, double tolerance) {
  for (const std::int64_t rows : {std::int64_t{1}, 2 * kCrossEntropyRows + 3}) {
    const at::Tensor outputs = random_tensor({rows, 7}, 1, type).requires_grad_();
    const at::Tensor embedding = random_tensor({1303, 7}, 2, type).requires_grad_();
    const at::Tensor bias = random_tensor({1303}, 3, type).requires_grad_();
    const at::Tensor targets = random_targets(rows, 1303);
    Workspace workspace;
    const at::Tensor loss = cross_entropy(outputs, embedding, targets, workspace, precision, bias);
    const at::Tensor expected = at::cross_entropy_loss(
        at::addmm(bias.to(at::kDouble), outputs.to(at::kDouble), embedding.to(at::kDouble).t()),
        targets);
    EXPECT_NEAR(loss.item<double>(), expected.item<double>(), tolerance);
    const auto gradients = torch::autograd::grad({3 * loss}, {outputs, embedding, bias});
    const auto right = torch::autograd::grad({3 * expected}, {outputs, embedding, bias});
    for (std::size_t i = 0; i < right.size(); ++i) {
      EXPECT_LE(relative_difference(gradients[i], right[i]), tolerance) << i;
    }
    const double total =
        cross_entropy_total(outputs, embedding, targets, workspace, precision, bias);
    EXPECT_NEAR(total / static_cast<double>(rows), expected.item<double>(), tolerance);
  }
}

TEST(CrossEntropy, AgreesWithLibTorchWithABias) {
  expect_libtorch_with_bias(at::kDouble, Precision::float32, 1e-13);
  expect_libtorch_with_bias(at::kFloat, Precision::float32, 2e-6);
  // Factors have 8 bits.
  expect_libtorch_with_bias(at::kFloat, Precision::bfloat16, 1e-2);
}

TEST(CrossEntropy, RowsOfACacheSetsSizeAreRight) {
  const at::Tensor outputs = random_tensor({40, 5}, 1, at::kFloat).requires_grad_();
  const at::Tensor embedding = random_tensor({1024, 5}, 2, at::kFloat).requires_grad_();
  const at::Tensor targets = random_targets(40, 1024);
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    Workspace workspace;
    const at::Tensor loss = cross_entropy(outputs, embedding, targets, workspace, precision);
    const at::Tensor expected = at::cross_entropy_loss(outputs.mm(embedding.t()), targets);
    const double tolerance = precision == Precision::float32 ? 1e-5 : 1e-2;
    EXPECT_NEAR(loss.item<double>(), expected.item<double>(), tolerance);
    const auto gradients = torch::autograd::grad({loss}, {outputs, embedding});
    const auto right = torch::autograd::grad({expected}, {outputs, embedding});
    EXPECT_LE(relative_difference(gradients[0], right[0]), tolerance);
    EXPECT_LE(relative_difference(gradients[1], right[1]), tolerance);
  }
}

TEST(CrossEntropy, BitsOfARowDoNotDependOnThreads) {
  const at::Tensor outputs = random_tensor({300, 40}, 3, at::kFloat).requires_grad_();
  const at::Tensor embedding = random_tensor({5000, 40}, 4, at::kFloat);
  const at::Tensor targets = random_targets(300, 5000);
  const auto run = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    Workspace workspace;
    const at::Tensor loss = cross_entropy(outputs, embedding, targets, workspace);
    at::set_num_threads(before);
    return std::pair(loss.item<double>(), torch::autograd::grad({loss}, {outputs})[0]);
  };
  const auto one = run(1);
  const auto three = run(3);
  EXPECT_EQ(one.first, three.first);
  EXPECT_TRUE(at::equal(one.second, three.second));
}

TEST(CrossEntropy, RefusesTargetsThatAreNoWords) {
  Workspace workspace;
  for (const std::int64_t bad : {-1, 4}) {
    EXPECT_THROW(
        cross_entropy_total(at::ones({1, 2}), at::ones({4, 2}), torch::tensor({bad}), workspace),
        ContractError);
  }
}

TEST(CrossEntropy, IsAccurateInFloat) {
  const at::Tensor outputs = random_tensor({300, 40}, 3, at::kFloat, 2.0);
  const at::Tensor embedding = random_tensor({5000, 40}, 4, at::kFloat, 2.0);
  const at::Tensor targets = random_targets(300, 5000);
  const at::Tensor wide_logits = outputs.to(at::kDouble).mm(embedding.to(at::kDouble).t());
  Workspace workspace;
  const double expected = at::cross_entropy_loss(wide_logits, targets).item<double>();
  EXPECT_GT(expected, 20.0);  // far from uniform, so the range of exponents is used
  EXPECT_NEAR(cross_entropy(outputs, embedding, targets, workspace).item<double>() / expected, 1.0,
              1e-6);
}

TEST(CrossEntropy, NeverCapsATokensLoss) {
  const at::Tensor outputs = at::full({1, 1}, 100.0, at::kFloat);
  const at::Tensor embedding = torch::tensor({3.0F, 0.0F}).view({2, 1});
  Workspace workspace;
  EXPECT_NEAR(cross_entropy_total(outputs, embedding, torch::tensor({1}), workspace), 300.0, 1e-4);
  EXPECT_NEAR(cross_entropy_total(outputs, embedding, torch::tensor({0}), workspace), 0.0, 1e-12);
}

TEST(CrossEntropy, NotANumberStaysOne) {
  const at::Tensor outputs = at::full({3, 2}, std::nan(""), at::kFloat);
  Workspace workspace;
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    EXPECT_TRUE(std::isnan(cross_entropy_total(outputs, at::ones({4, 2}), at::zeros({3}, at::kLong),
                                               workspace, precision)));
  }
}

}  // namespace
}  // namespace enas::nn
