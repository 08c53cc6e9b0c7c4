// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent/recurrent_segment.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

struct Sizes {
  std::int64_t steps, batch, width;
  int nodes;
};

struct Problem {
  Cell cell;
  at::Tensor x, state;
  std::vector<at::Tensor> weights;
  at::Tensor coefficients;  // the loss is their product with the outputs, summed

  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> all = {x, state};
    all.insert(all.end(), weights.begin(), weights.end());
    return all;
  }
};

/// `number` decides the cell; every third uses all nodes, every second batch norm, half have no
/// mask.
Problem random_problem(std::uint64_t number, const Sizes& sizes, at::ScalarType type) {
  Problem problem;
  RandomStream stream(5, {Purpose::test, number});
  std::vector<bool> read(static_cast<std::size_t>(sizes.nodes), false);
  std::uint64_t tensor = 1000 * number;
  const std::int64_t width = sizes.width;
  for (int l = 0; l < sizes.nodes; ++l) {
    CellNode node;
    if (l > 0) node.previous = static_cast<int>(stream.next_below(static_cast<std::uint64_t>(l)));
    // Every function occurs in each problem of four nodes, from a different start.
    node.function = static_cast<NodeFunction>((static_cast<std::uint64_t>(l) + number) % 4);
    if (l > 0) read[static_cast<std::size_t>(node.previous)] = true;
    problem.cell.nodes.push_back(node);
    problem.weights.push_back(
        random_tensor({l == 0 ? 2 * width : width, 2 * width}, ++tensor, type, 0.8));
  }
  for (int l = 0; l < sizes.nodes; ++l) {
    if (number % 3 == 0 || !read[static_cast<std::size_t>(l)]) problem.cell.outputs.push_back(l);
  }
  problem.cell.batch_norm = number % 2 == 0;
  if (problem.cell.batch_norm) {
    problem.weights.push_back(random_tensor({width}, ++tensor, type));
    problem.weights.push_back(random_tensor({width}, ++tensor, type));
  }
  if (number % 4 < 2) {
    problem.cell.state_mask =
        random_tensor({sizes.batch, width}, ++tensor, type).ge(-0.5).to(type) / 0.75;
  }
  problem.x = random_tensor({sizes.steps, sizes.batch, width}, ++tensor, type);
  problem.state = random_tensor({sizes.batch, width}, ++tensor, type);
  problem.coefficients = random_tensor({sizes.steps, sizes.batch, width}, ++tensor, type);
  return problem;
}

struct Result {
  at::Tensor outputs;
  std::vector<at::Tensor> gradients;
};

template <typename Run>
Result differentiate(const Problem& problem, Run run) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& value : problem.leaves())
    leaves.push_back(value.detach().requires_grad_());
  const at::Tensor outputs = run(leaves[0], leaves[1], {leaves.begin() + 2, leaves.end()});
  return {outputs.detach(),
          torch::autograd::grad({(outputs * problem.coefficients).sum()}, leaves)};
}

Result fast(const Problem& problem, Workspace& workspace,
            Precision precision = Precision::float32) {
  return differentiate(problem, [&](const at::Tensor& x, const at::Tensor& state,
                                    const std::vector<at::Tensor>& weights) {
    return recurrent_segment(problem.cell, x, state, weights, workspace, precision);
  });
}

Result reference(const Problem& problem) {
  return differentiate(problem, [&](const at::Tensor& x, const at::Tensor& state,
                                    const std::vector<at::Tensor>& weights) {
    return recurrent_segment_reference(problem.cell, x, state, weights);
  });
}

void expect_near(const Result& a, const Result& b, double tolerance) {
  EXPECT_LE(relative_difference(a.outputs, b.outputs), tolerance);
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    ASSERT_EQ(a.gradients[i].sizes(), b.gradients[i].sizes());
    EXPECT_LE(relative_difference(a.gradients[i], b.gradients[i]), tolerance) << "gradient " << i;
  }
}

double loss(const Problem& problem, Workspace& workspace) {
  const at::NoGradGuard no_gradients;
  const at::Tensor outputs =
      recurrent_segment(problem.cell, problem.x, problem.state, problem.weights, workspace);
  return (outputs * problem.coefficients).sum().item<double>();
}

TEST(RecurrentSegment, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kStep = 1e-6;
  for (std::uint64_t number = 0; number < 12; ++number) {
    const Problem problem = random_problem(number, {3, 2, 3, number < 6 ? 4 : 5}, at::kDouble);
    Workspace workspace;
    const Result analytic = fast(problem, workspace);
    const std::vector<at::Tensor> leaves = problem.leaves();
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      double* const values = leaves[i].data_ptr<double>();
      const at::Tensor gradient = analytic.gradients[i].contiguous();
      for (std::int64_t k = 0; k < leaves[i].numel(); ++k) {
        const double kept = values[k];
        values[k] = kept + kStep;
        const double above = loss(problem, workspace);
        values[k] = kept - kStep;
        const double below = loss(problem, workspace);
        values[k] = kept;
        EXPECT_NEAR(gradient.data_ptr<double>()[k], (above - below) / (2 * kStep), 2e-8)
            << "problem " << number << ", leaf " << i << ", element " << k;
      }
    }
  }
}

TEST(RecurrentSegment, AgreesWithTheReferenceInDouble) {
  const Sizes all_sizes[] = {
      {1, 1, 1, 1}, {1, 1, 7, 4}, {6, 1, 5, 6}, {1, 5, 3, 2}, {9, 5, 13, 12}};
  for (std::uint64_t number = 0; number < 12; ++number) {
    for (const Sizes& sizes : all_sizes) {
      const Problem problem = random_problem(number, sizes, at::kDouble);
      Workspace workspace;
      // Batch norm of one example gives the offset whatever its input: gradients are zeros and
      // noise.
      if (problem.cell.batch_norm && sizes.batch == 1) continue;
      expect_near(fast(problem, workspace), reference(problem), 1e-10);
    }
  }
}

/// No ReLU, whose kink may lie between two roundings, and sums that stay small.
Problem smooth_problem(std::uint64_t number, const Sizes& sizes) {
  Problem problem = random_problem(number, sizes, at::kFloat);
  for (CellNode& node : problem.cell.nodes) {
    if (node.function == NodeFunction::relu) node.function = NodeFunction::tanh;
  }
  for (at::Tensor& weight : problem.weights) weight.mul_(0.5);
  return problem;
}

TEST(RecurrentSegment, AgreesWithTheReferenceInFloat) {
  // Sums of a hundred products of rounded numbers, through ten steps of twelve nodes.
  const Sizes all_sizes[] = {{10, 7, 33, 12}, {1, 9, 16, 3}, {4, 17, 50, 5}, {3, 1, 20, 6}};
  for (const Sizes& sizes : all_sizes) {
    for (std::uint64_t number = 0; number < 4; ++number) {
      const Problem problem = smooth_problem(number, sizes);
      if (problem.cell.batch_norm && sizes.batch == 1) continue;
      Workspace workspace;
      expect_near(fast(problem, workspace), reference(problem), 2e-5);
    }
  }
}

TEST(RecurrentSegment, Bfloat16StaysNearFloat32) {
  for (std::uint64_t number = 0; number < 4; ++number) {
    const Problem problem = smooth_problem(number, {5, 7, 33, 6});
    Workspace workspace;
    const Result rounded = fast(problem, workspace, Precision::bfloat16);
    const Result exact = fast(problem, workspace);
    expect_near(rounded, exact, 0.05);
    EXPECT_GT(relative_difference(rounded.outputs, exact.outputs), 1e-6);  // it was rounded
  }
}

TEST(RecurrentSegment, BitsOfRowsDoNotDependOnThreads) {
  const int threads = at::get_num_threads();
  for (std::uint64_t number = 0; number < 4; ++number) {
    const Problem problem = smooth_problem(number, {4, 21, 19, 5});
    Workspace workspace;
    at::set_num_threads(1);
    const Result one = fast(problem, workspace);
    at::set_num_threads(3);
    const Result three = fast(problem, workspace);
    at::set_num_threads(threads);
    EXPECT_TRUE(at::equal(one.outputs, three.outputs));
    EXPECT_TRUE(at::equal(one.gradients[1], three.gradients[1]));
  }
}

TEST(RecurrentSegment, NotANumberReachesTheOutputs) {
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const Problem problem = smooth_problem(1, {2, 3, 20, 3});
    problem.weights[0][5][7] = std::nan("");
    Workspace workspace;
    const Result result = fast(problem, workspace, precision);
    EXPECT_TRUE(result.outputs.isnan().any().item<bool>());
    EXPECT_TRUE(result.gradients[0].isnan().any().item<bool>());
  }
}

TEST(RecurrentSegment, WithoutAutogradTheOutputsHaveTheSameBits) {
  for (std::uint64_t number = 0; number < 4; ++number) {
    const Problem problem = random_problem(number, {6, 4, 9, 5}, at::kFloat);
    Workspace workspace;
    const Result result = fast(problem, workspace);
    const at::NoGradGuard no_gradients;
    EXPECT_TRUE(at::equal(result.outputs, recurrent_segment(problem.cell, problem.x, problem.state,
                                                            problem.weights, workspace)));
  }
}

TEST(RecurrentSegment, AUsedWorkspaceGivesTheSameBits) {
  Workspace used;
  fast(random_problem(3, {9, 6, 11, 7}, at::kFloat), used);
  fast(random_problem(4, {4, 6, 11, 12}, at::kFloat), used);
  const Problem problem = random_problem(5, {5, 4, 9, 6}, at::kFloat);
  Workspace fresh;
  expect_near(fast(problem, used), fast(problem, fresh), 0.0);
}

TEST(RecurrentSegment, ABackwardAfterAnotherUseOfTheWorkspaceIsRefused) {
  const Problem problem = random_problem(1, {3, 2, 4, 4}, at::kFloat);
  Workspace workspace;
  const at::Tensor x = problem.x.detach().requires_grad_();
  const at::Tensor first =
      recurrent_segment(problem.cell, x, problem.state, problem.weights, workspace);
  loss(problem, workspace);
  EXPECT_THROW(torch::autograd::grad({first.sum()}, {x}), ContractError);
}

}  // namespace
}  // namespace enas::nn
