// SPDX-License-Identifier: Apache-2.0
// What both convolutional supernets have from the steps of a child and the list of weights.
#include "supernet/image_child.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <memory>

#include "core/error.hpp"
#include "small_images.hpp"
#include "supernet/image_weights.hpp"

namespace enas::supernet {
namespace {

struct Case {
  std::string name;
  std::unique_ptr<Supernet> net;
  std::vector<space::Architecture> children;
};

std::vector<Case> all_cases(double drop, Kernels kernels = Kernels::fused) {
  const space::MacroSpaceOptions macro{.layers = 6};
  const space::MicroSpaceOptions micro{.nodes = 4};
  MacroOptions sums;
  sums.filters = 4;
  sums.drop_features = drop;
  sums.kernels = kernels;
  MacroOptions merges = sums;
  merges.skip_merge = SkipMerge::concatenate;
  merges.operation_order = OperationOrder::relu_conv_norm;
  MicroOptions both;
  both.cells = 3;
  both.filters = 4;
  both.drop_features = drop;
  both.kernels = kernels;
  MicroOptions released = both;
  released.reduction_inputs = ReductionInputs::released;
  std::vector<Case> cases;
  for (const MacroOptions& options : {sums, merges}) {
    cases.push_back({concat("macro ", cases.size()),
                     std::make_unique<MacroSupernet>(macro, options, kSmallData, 1),
                     {random_macro(macro, 0), random_macro(macro, 1), random_macro(macro, 2)}});
  }
  for (const MicroOptions& options : {both, released}) {
    cases.push_back({concat("micro ", cases.size()),
                     std::make_unique<MicroSupernet>(micro, options, kSmallData, 1),
                     {random_micro(micro, 0), random_micro(micro, 1), random_micro(micro, 2)}});
  }
  return cases;
}

TEST(ImageSupernets, WeightsThatAreNotTouchedAreNotRead) {
  for (const Case& item : all_cases(0.1)) {
    for (const space::Architecture& child : item.children) {
      SCOPED_TRACE(concat(item.name, " ", child.text()));
      const Pass before = gradient_of(*item.net, child);
      const double nats = score_of(*item.net, child).nats;
      const std::vector<int> touched = item.net->touched(child);
      EXPECT_TRUE(std::is_sorted(touched.begin(), touched.end()));
      EXPECT_LT(touched.size(), item.net->weights().size());
      std::vector<at::Tensor> saved;
      for (std::size_t i = 0; i < item.net->weights().size(); ++i) {
        at::Tensor value = item.net->weights()[i].value;
        saved.push_back(value.clone());
        if (!std::binary_search(touched.begin(), touched.end(), static_cast<int>(i))) {
          value.fill_(std::numeric_limits<float>::quiet_NaN());
        }
      }
      EXPECT_TRUE(same_gradients(gradient_of(*item.net, child), before));
      EXPECT_EQ(score_of(*item.net, child).nats, nats);
      for (std::size_t i = 0; i < saved.size(); ++i) {
        at::Tensor(item.net->weights()[i].value).copy_(saved[i]);
      }
    }
  }
}

TEST(ImageSupernets, EagerKernelsGiveTheSameUpToRounding) {
  const std::vector<Case> fused = all_cases(0.1);
  const std::vector<Case> eager = all_cases(0.1, Kernels::eager);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    for (const space::Architecture& child : fused[i].children) {
      SCOPED_TRACE(concat(fused[i].name, " ", child.text()));
      const Pass a = gradient_of(*fused[i].net, child);
      const Pass b = gradient_of(*eager[i].net, child);
      EXPECT_NEAR(a.loss, b.loss, 1e-5);
      EXPECT_NEAR(score_of(*fused[i].net, child).loss(), score_of(*eager[i].net, child).loss(),
                  1e-5);
      ASSERT_EQ(a.gradients.size(), b.gradients.size());
      double difference = 0.0;
      double whole = 0.0;
      for (std::size_t g = 0; g < a.gradients.size(); ++g) {
        difference += (a.gradients[g] - b.gradients[g]).square().sum().item<double>();
        whole += b.gradients[g].square().sum().item<double>();
      }
      EXPECT_LT(std::sqrt(difference), 1e-4 * std::sqrt(whole));
    }
  }
}

TEST(ImageSupernets, FlopsAreCountedFromTheChild) {
  // One 3×3 of each operation's weights: 1×1 in, the kernel, and the stem and head around.
  const space::MacroSpaceOptions space{.layers = 1};
  MacroOptions options;
  options.filters = 4;
  const MacroSupernet net(space, options, kSmallData, 1);
  const double pixels = 6.0 * 9.0 * 7.0;
  const double around = pixels * (4 * 2 * 9) + pixels * (4 * 4) + 6.0 * (5 * 4);
  const double kernels[] = {4 * 4 * 9, 4 * 9 + 4 * 4, 4 * 4 * 25, 4 * 25 + 4 * 4, 0, 0};
  for (std::int32_t operation = 0; operation < 6; ++operation) {
    EXPECT_EQ(net.forward_flops({net.space_id(), {operation}}, {6, 2, 9, 7}),
              2.0 * (around + pixels * kernels[operation]));
  }
}

TEST(ImageSupernets, AScoreDependsOnItsBatchAlone) {
  for (const Case& item : all_cases(0.5)) {
    SCOPED_TRACE(item.name);
    const Score first = score_of(*item.net, item.children[0]);
    EXPECT_TRUE(std::isfinite(first.nats));
    EXPECT_EQ(first.count, 6);
    gradient_of(*item.net, item.children[1]);
    score_of(*item.net, item.children[0], image_batch({}, 1));
    const Score second = score_of(*item.net, item.children[0]);
    EXPECT_EQ(second.nats, first.nats);
    EXPECT_EQ(second.correct, first.correct);
    EXPECT_NE(score_of(*item.net, item.children[0], image_batch({}, 1)).nats, first.nats);
    EXPECT_NE(score_of(*item.net, item.children[1]).nats, first.nats);
  }
}

TEST(ImageSupernets, ScoresDropNothing) {
  const std::vector<Case> without = all_cases(0.0);
  const std::vector<Case> with = all_cases(0.5);
  for (std::size_t i = 0; i < with.size(); ++i) {
    SCOPED_TRACE(with[i].name);
    const space::Architecture& child = with[i].children[0];
    const Score score = score_of(*with[i].net, child);
    EXPECT_EQ(score.nats, score_of(*without[i].net, child).nats);
    const Pass plain = gradient_of(*without[i].net, child);
    EXPECT_NEAR(plain.loss, score.loss(), 1e-6);
    EXPECT_EQ(plain.correct, score.correct);
    EXPECT_GT(std::abs(gradient_of(*with[i].net, child).loss - plain.loss), 1e-4);
  }
}

TEST(ImageSupernets, MasksFollowFromTheirAddress) {
  for (const Case& item : all_cases(0.5)) {
    SCOPED_TRACE(item.name);
    const auto at_address = [&](const StepAddress& address) {
      return gradient_of(*item.net, item.children[0], image_batch(), address);
    };
    const Pass first = at_address({7, 1, 40});
    EXPECT_FALSE(same_gradients(at_address({7, 2, 40}), first));
    EXPECT_FALSE(same_gradients(at_address({7, 1, 41}), first));
    EXPECT_FALSE(same_gradients(at_address({8, 1, 40}), first));
    EXPECT_TRUE(same_gradients(at_address({7, 1, 40}), first));
  }
}

TEST(ImageSupernets, GradientsHaveNothingLeftOfAutograd) {
  const c10::NoGradGuard callers_mode;
  for (const Case& item : all_cases(0.1)) {
    SCOPED_TRACE(item.name);
    const Pass found = gradient_of(*item.net, item.children[0]);
    for (const at::Tensor& gradient : found.gradients) {
      EXPECT_FALSE(gradient.requires_grad());
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
    }
    for (const Weight& weight : item.net->weights()) EXPECT_FALSE(weight.value.requires_grad());
    EXPECT_FALSE(at::GradMode::is_enabled());
  }
}

TEST(ImageSupernets, TheLayoutOfTheBatchDoesNotMatter) {
  const Batch batch = image_batch();
  const Batch plain{batch.input.contiguous(), batch.target};
  ASSERT_FALSE(plain.input.is_contiguous(at::MemoryFormat::ChannelsLast));
  for (const Case& item : all_cases(0.1)) {
    const space::Architecture& child = item.children[0];
    EXPECT_TRUE(
        same_gradients(gradient_of(*item.net, child, plain), gradient_of(*item.net, child)));
  }
}

TEST(ImageSupernets, ImagesTooSmallForTheReductionsWork) {
  for (const Case& item : all_cases(0.1)) {
    for (const auto& [size, height, width] :
         {std::tuple{4, 1, 1}, {4, 2, 3}, {1, 1, 5}, {1, 1, 1}, {3, 8, 2}}) {
      SCOPED_TRACE(concat(item.name, " ", size, " ", height, " ", width));
      const Batch batch = image_batch({size, height, width});
      EXPECT_TRUE(std::isfinite(score_of(*item.net, item.children[0], batch).nats));
      const Pass found = gradient_of(*item.net, item.children[0], batch);
      EXPECT_TRUE(std::isfinite(found.loss));
      for (const at::Tensor& gradient : found.gradients) {
        EXPECT_TRUE(gradient.isfinite().all().item<bool>());
      }
    }
  }
}

TEST(ImageSupernets, AGradientLowersTheLoss) {
  for (const Case& item : all_cases(0.0)) {
    SCOPED_TRACE(item.name);
    const space::Architecture& child = item.children[0];
    const Pass found = gradient_of(*item.net, child);
    double squares = 0.0;
    for (const at::Tensor& gradient : found.gradients) {
      squares += gradient.to(at::kDouble).square().sum().item<double>();
    }
    const double step = 1e-4 / std::sqrt(squares);
    const std::vector<int> touched = item.net->touched(child);
    for (std::size_t i = 0; i < touched.size(); ++i) {
      at::Tensor value = item.net->weights()[static_cast<std::size_t>(touched[i])].value;
      value.sub_(found.gradients[i], step);
    }
    const double lowered = found.loss - score_of(*item.net, child).loss();
    EXPECT_NEAR(lowered, step * squares, 0.1 * step * squares);
  }
}

TEST(ImageSupernets, NonFiniteWeightsGiveNonFiniteScores) {
  for (const Case& item : all_cases(0.0)) {
    at::Tensor head = item.net->weights().back().value;
    head.fill_(std::numeric_limits<float>::infinity());
    EXPECT_FALSE(std::isfinite(score_of(*item.net, item.children[0]).nats)) << item.name;
    EXPECT_FALSE(std::isfinite(gradient_of(*item.net, item.children[0]).loss)) << item.name;
  }
}

TEST(ImageSupernets, RefuseABatchThatDoesNotFit) {
  const Batch good = image_batch();
  const Batch bad[] = {{good.input.narrow(1, 0, 1), good.target},
                       {good.input, good.target.narrow(0, 0, 5)},
                       {good.input.to(at::kDouble), good.target},
                       {good.input, good.target.to(at::kInt)},
                       {good.input.narrow(0, 0, 0), good.target.narrow(0, 0, 0)}};
  for (const Case& item : all_cases(0.0)) {
    for (const Batch& batch : bad) {
      EXPECT_THROW(gradient_of(*item.net, item.children[0], batch), ContractError);
      EXPECT_THROW(score_of(*item.net, item.children[0], batch), ContractError);
    }
  }
}

TEST(ImageSupernets, WeightsAreTheAnnouncedOnesAndNormsDoNotDecay) {
  const space::MicroSpaceOptions space{.nodes = 4};
  MicroOptions options;
  options.filters = 4;
  const MicroSupernet net(space, options, kSmallData, 1);
  const auto shapes = micro_weight_shapes(space, options, kSmallData);
  ASSERT_EQ(net.weights().size(), shapes.size());
  std::set<std::string> names;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Weight& weight = net.weights()[i];
    EXPECT_EQ(weight.name, shapes[i].name);
    EXPECT_EQ(weight.value.sizes(), at::IntArrayRef(shapes[i].sizes));
    EXPECT_TRUE(weight.value.is_contiguous());
    names.insert(weight.name);
    const bool is_norm = weight.name.ends_with("norm");
    EXPECT_EQ(weight.decays, !is_norm) << weight.name;
    if (!is_norm) continue;
    EXPECT_TRUE(weight.value[0].eq(1).all().item<bool>());
    EXPECT_TRUE(weight.value[1].eq(0).all().item<bool>());
  }
  EXPECT_EQ(names.size(), shapes.size());
}

TEST(ImageWeights, ConvolutionsStartHeNormalWithTheirTrueFanIn) {
  // Many values of each kind: the deviation's relative error is about sqrt(1 / (2 n)).
  const auto expect_deviation = [](const Weight& weight, double fan_in) {
    const at::Tensor values = weight.value.to(at::kDouble);
    const double expected = std::sqrt(2.0 / fan_in);
    const double n = static_cast<double>(values.numel());
    EXPECT_NEAR(values.square().mean().sqrt().item<double>(), expected,
                4.0 * expected / std::sqrt(2.0 * n))
        << weight.name;
    EXPECT_NEAR(values.mean().item<double>(), 0.0, 4.0 * expected / std::sqrt(n)) << weight.name;
  };
  MacroOptions options;
  options.filters = 48;
  options.skip_merge = SkipMerge::concatenate;
  const MacroSupernet macro({.layers = 3}, options, {.channels = 3, .num_classes = 100}, 1);
  for (const Weight& weight : macro.weights()) {
    if (weight.name == "layer/0/conv_5x5/conv") expect_deviation(weight, 25 * 48);
    if (weight.name == "layer/0/sep_conv_5x5/depthwise") expect_deviation(weight, 25);
    if (weight.name == "layer/0/sep_conv_5x5/pointwise") expect_deviation(weight, 48);
    if (weight.name == "layer/2/merge/1") expect_deviation(weight, 3 * 48);
    if (weight.name == "layer/2/merge/own") expect_deviation(weight, 3 * 48);
    if (weight.name == "reduction/0/1/odd") expect_deviation(weight, 48);
    if (weight.name == "stem/conv") expect_deviation(weight, 27);
    if (weight.name == "head") expect_deviation(weight, 48);
  }
  MicroOptions cells;
  cells.cells = 1;
  const MicroSupernet micro({}, cells, {.channels = 3, .num_classes = 100}, 1);
  for (const Weight& weight : micro.weights()) {
    if (weight.name == "cell/2/out/3") expect_deviation(weight, 7 * 80);
    if (weight.name == "cell/2/node/4/x/sep_conv_3x3/1/2/pointwise") expect_deviation(weight, 80);
    if (weight.name == "cell/2/node/4/x/sep_conv_3x3/1/2/depthwise") expect_deviation(weight, 9);
  }
}

TEST(ImageWeights, ValuesFollowFromSeedAndNameAlone) {
  const auto make = [](int layers, std::uint64_t seed) {
    return MacroSupernet({.layers = layers}, {}, kSmallData, seed);
  };
  const MacroSupernet small = make(2, 1);
  const MacroSupernet large = make(4, 1);
  const MacroSupernet other = make(2, 2);
  std::map<std::string, at::Tensor> values;
  for (const Weight& weight : large.weights()) values[weight.name] = weight.value;
  for (std::size_t i = 0; i < small.weights().size(); ++i) {
    const Weight& weight = small.weights()[i];
    ASSERT_TRUE(values.contains(weight.name));
    EXPECT_TRUE(at::equal(weight.value, values[weight.name])) << weight.name;
    EXPECT_EQ(at::equal(weight.value, other.weights()[i].value), !weight.decays) << weight.name;
  }
}

}  // namespace
}  // namespace enas::supernet
