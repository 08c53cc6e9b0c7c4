// SPDX-License-Identifier: Apache-2.0
// The pass over planes against the same program in LibTorch's operations and double precision.
#include "nn/plane/pass.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "unit/nn/random_tensor.hpp"

namespace enas::nn {
namespace {

using Kind = ImageStep::Kind;
using Tensors = std::vector<at::Tensor>;

struct Case {
  const char* name;
  ImageProgram program;
  Tensors weights;
};

struct Sizes {
  std::int64_t images, height, width;
};
// Whole blocks, several images a block, a last block that is not full, rows that fill no vector.
constexpr Sizes kSizes[] = {{3, 32, 32}, {5, 16, 16}, {19, 8, 8},
                            {2, 7, 5},   {3, 33, 18}, {1, 6, 9}};
constexpr int kChannels = 3;

at::Tensor values(at::IntArrayRef sizes, std::uint64_t number) {
  return random_tensor(sizes, number, at::kFloat);
}

at::Tensor norm_weight(std::int64_t channels, std::uint64_t number) {
  return at::stack({values({channels}, number).abs() + 0.5, values({channels}, number + 1)});
}

/// A program for every kind of step, between a first convolution and a last one.
std::vector<Case> all_cases() {
  const at::Tensor stem = values({6, kChannels, 3, 3}, 1);
  const at::Tensor norm = norm_weight(6, 2);
  const auto after_stem = [&](const char* name, std::vector<ImageStep> steps, Tensors weights) {
    std::vector<ImageStep> all = {{Kind::convolution, {0}, {0}}, {Kind::norm, {1}, {1}, 1e-3}};
    all.insert(all.end(), steps.begin(), steps.end());
    weights.insert(weights.begin(), {stem, norm});
    const int output = static_cast<int>(all.size());
    return Case{name, {std::move(all), output}, std::move(weights)};
  };
  // Image 2 is the normed stem.
  std::vector<Case> cases;
  for (const int k : {1, 3, 5}) {
    cases.push_back(
        after_stem("convolution",
                   {{Kind::relu, {2}, {}},
                    {Kind::convolution, {3}, {2}},
                    {Kind::norm, {4}, {3}, 1e-3},
                    {Kind::convolution, {5}, {4}}},
                   {values({13, 6, k, k}, 3), norm_weight(13, 4), values({4, 13, 1, 1}, 6)}));
  }
  for (const int k : {3, 5}) {
    cases.push_back(after_stem("separable",
                               {{Kind::relu, {2}, {}},
                                {Kind::separable, {3}, {2, 3}},
                                {Kind::norm, {4}, {4}, 1e-3},
                                {Kind::relu, {5}, {}},
                                {Kind::separable, {6}, {5, 6}}},
                               {values({6, 1, k, k}, 7), values({8, 6, 1, 1}, 8), norm_weight(8, 9),
                                values({8, 1, k, k}, 11), values({5, 8, 1, 1}, 12)}));
  }
  cases.push_back(after_stem("reduction",
                             {{Kind::reduction, {2}, {2, 3}},
                              {Kind::norm, {3}, {4}, 1e-3},
                              {Kind::relu, {4}, {}},
                              {Kind::convolution, {5}, {5}}},
                             {values({4, 6, 1, 1}, 13), values({4, 6, 1, 1}, 14),
                              norm_weight(8, 15), values({3, 8, 3, 3}, 17)}));
  for (const Kind pool : {Kind::avg_pool, Kind::max_pool}) {
    cases.push_back(after_stem(pool == Kind::avg_pool ? "avg_pool" : "max_pool",
                               {{Kind::relu, {2}, {}},
                                {pool, {3}, {}},
                                {pool, {2}, {}},
                                {Kind::sum, {4, 5, 2}, {}},
                                {Kind::norm, {6}, {2}, 1e-3}},
                               {norm_weight(6, 18)}));
  }
  // Terms that only the sum reads, one that others read too, one that comes twice.
  cases.push_back(after_stem("sum",
                             {{Kind::convolution, {2}, {2}},
                              {Kind::norm, {3}, {3}, 1e-3},
                              {Kind::convolution, {2}, {4}},
                              {Kind::sum, {4, 5, 2, 2}, {}},
                              {Kind::sum, {6, 2}, {}},
                              {Kind::relu, {7}, {}},
                              {Kind::norm, {8}, {5}, 1e-3}},  // of what is no stored image
                             {values({6, 6, 1, 1}, 20), norm_weight(6, 21),
                              values({6, 6, 3, 3}, 23), norm_weight(6, 24)}));
  cases.push_back(
      after_stem("merge",
                 {{Kind::convolution, {2}, {2}},
                  {Kind::relu, {3}, {}},
                  {Kind::relu, {2}, {}},
                  {Kind::merge, {5, 4, 2}, {3, 4, 5}},
                  {Kind::norm, {6}, {6}, 1e-3},
                  {Kind::relu, {7}, {}}},
                 {values({9, 6, 1, 1}, 26), values({7, 6, 1, 1}, 27), values({7, 9, 1, 1}, 28),
                  values({7, 6, 1, 1}, 29), norm_weight(7, 30)}));
  // Everything that may read the batch itself.
  cases.push_back({"batch",
                   {{{Kind::max_pool, {0}, {}},
                     {Kind::avg_pool, {0}, {}},
                     {Kind::sum, {1, 2, 0}, {}},
                     {Kind::norm, {0}, {0}, 1e-3},
                     {Kind::convolution, {4}, {1}},
                     {Kind::merge, {0, 3, 5}, {2, 3, 4}}},
                    6},
                   {norm_weight(kChannels, 50), values({4, kChannels, 3, 3}, 52),
                    values({5, kChannels, 1, 1}, 53), values({5, kChannels, 1, 1}, 54),
                    values({5, 4, 1, 1}, 55)}});
  return cases;
}

at::Tensor batch_of(const Sizes& sizes) {
  return values({sizes.images, kChannels, sizes.height, sizes.width}, 40);
}

struct Result {
  at::Tensor features;
  Tensors gradients;
};

at::Tensor slope_of(const at::Tensor& features) {
  return random_tensor(features.sizes(), 41).to(features.dtype());
}

Result on_planes(const Case& item, const at::Tensor& images, PlaneMemory& memory) {
  PlanePass pass(item.program, item.weights, memory, /*keep=*/true);
  const at::Tensor features = pass.forward(images);
  return {features, pass.backward(slope_of(features))};
}

Result in_double(const Case& item, const at::Tensor& images) {
  Tensors leaves;
  for (const at::Tensor& weight : item.weights) {
    leaves.push_back(weight.to(at::kDouble).requires_grad_());
  }
  const at::Tensor features = eager_features(item.program, images.to(at::kDouble), leaves);
  return {features.detach(),
          torch::autograd::grad({(features * slope_of(features)).sum()}, leaves)};
}

bool same(const Result& a, const Result& b) {
  return at::equal(a.features, b.features) &&
         std::equal(a.gradients.begin(), a.gradients.end(), b.gradients.begin(), b.gradients.end(),
                    [](const at::Tensor& x, const at::Tensor& y) { return at::equal(x, y); });
}

void expect_near(const at::Tensor& found, const at::Tensor& expected, double scale) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT((found.to(at::kDouble) - expected).norm().item<double>(), 2e-5 * scale);
}

TEST(PlanePass, AgreesWithLibTorchInDoublePrecision) {
  PlaneMemory memory;
  for (const Sizes& sizes : kSizes) {
    const at::Tensor images = batch_of(sizes);
    for (const Case& item : all_cases()) {
      SCOPED_TRACE(testing::Message() << item.name << ", " << images.sizes());
      const Result expected = in_double(item, images);
      const Result found = on_planes(item, images, memory);
      expect_near(found.features, expected.features, expected.features.norm().item<double>());
      double scale = 0.0;  // some gradients are sums that nearly cancel
      for (const at::Tensor& gradient : expected.gradients) {
        scale = std::max(scale, gradient.norm().item<double>());
      }
      for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
        SCOPED_TRACE(i);
        expect_near(found.gradients[i], expected.gradients[i], scale);
      }
    }
  }
}

TEST(PlanePass, BitsDependNeitherOnThreadsNorOnEarlierPasses) {
  const int threads_before = at::get_num_threads();
  for (const Sizes& sizes : kSizes) {
    const at::Tensor images = batch_of(sizes);
    PlaneMemory shared;
    for (const Case& item : all_cases()) {
      SCOPED_TRACE(testing::Message() << item.name << ", " << images.sizes());
      at::set_num_threads(1);
      PlaneMemory fresh;
      const Result alone = on_planes(item, images, fresh);
      for (const int threads : {1, 2, 3}) {
        at::set_num_threads(threads);
        EXPECT_TRUE(same(on_planes(item, images, shared), alone)) << threads << " threads";
      }
    }
  }
  at::set_num_threads(threads_before);
}

TEST(PlanePass, AForwardAloneGivesTheSameFeatures) {
  PlaneMemory memory;
  for (const Sizes& sizes : kSizes) {
    const at::Tensor images = batch_of(sizes);
    for (const Case& item : all_cases()) {
      SCOPED_TRACE(testing::Message() << item.name << ", " << images.sizes());
      PlanePass pass(item.program, item.weights, memory, /*keep=*/false);
      EXPECT_TRUE(at::equal(pass.forward(images), on_planes(item, images, memory).features));
    }
  }
}

TEST(PlanePass, InstructionSetsAgree) {
  if ((hwy::SupportedTargets() & HWY_AVX2) == 0) GTEST_SKIP() << "this CPU has no AVX2";
  const at::Tensor images = batch_of(kSizes[1]);
  PlaneMemory memory;
  for (const Case& item : all_cases()) {
    SCOPED_TRACE(item.name);
    const Result best = on_planes(item, images, memory);
    hwy::SetSupportedTargetsForTest(HWY_AVX2);
    const Result avx2 = on_planes(item, images, memory);
    hwy::SetSupportedTargetsForTest(0);
    for (std::size_t i = 0; i < best.gradients.size(); ++i) {
      EXPECT_TRUE(at::allclose(best.gradients[i], avx2.gradients[i], 1e-4, 1e-4)) << i;
    }
  }
}

TEST(PlanePass, NotANumberIsSeen) {
  const at::Tensor images = batch_of(kSizes[1]);
  PlaneMemory memory;
  for (Case& item : all_cases()) {
    SCOPED_TRACE(item.name);
    item.weights[1] = item.weights[1].clone();
    item.weights[1].flatten()[2] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(on_planes(item, images, memory).features.isnan().any().item<bool>());
  }
}

TEST(PlanePass, ABackwardNeedsAForwardThatKept) {
  PlaneMemory memory;
  const Case item = all_cases().front();
  PlanePass pass(item.program, item.weights, memory, /*keep=*/false);
  const at::Tensor features = pass.forward(batch_of(kSizes[3]));
  EXPECT_THROW(pass.backward(features), ContractError);
}

TEST(PlanePass, AConstantImageKeepsFiniteFeatures) {
  const ImageProgram program = {
      {{Kind::convolution, {0}, {0}}, {Kind::norm, {1}, {1}, 1e-5}, {Kind::relu, {2}, {}}}, 3};
  PlaneMemory memory;
  for (int i = 0; i < 200; ++i) {
    const Tensors weights = {at::full({1, 1, 1, 1}, 5e5 + 1234.567 * i), norm_weight(1, 60)};
    PlanePass pass(program, weights, memory, /*keep=*/false);
    EXPECT_TRUE(pass.forward(at::ones({2, 1, 16, 16})).isfinite().all().item<bool>()) << i;
  }
}

TEST(PlanePass, ThereIsOneBackwardAndOneReaderOfAWeight) {
  PlaneMemory memory;
  const Case item = all_cases().front();
  PlanePass pass(item.program, item.weights, memory, /*keep=*/true);
  const at::Tensor features = pass.forward(batch_of(kSizes[3]));
  pass.backward(features);
  EXPECT_THROW(pass.backward(features), ContractError);
  const ImageProgram twice = {{{Kind::convolution, {0}, {0}}, {Kind::convolution, {1}, {0}}}, 2};
  const Tensors weights = {values({kChannels, kChannels, 1, 1}, 61)};
  PlanePass shared(twice, weights, memory, /*keep=*/true);
  const at::Tensor seen = shared.forward(batch_of(kSizes[3]));
  EXPECT_THROW(shared.backward(seen), ContractError);
}

TEST(PlanePlan, EveryResultIsRead) {
  Case item = all_cases().front();
  item.program.output = 2;
  EXPECT_THROW(PlanePlan{item.program}, ContractError);
}

}  // namespace
}  // namespace enas::nn
