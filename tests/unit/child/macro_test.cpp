// SPDX-License-Identifier: Apache-2.0
#include "child/macro.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "double_network.hpp"
#include "unit/nn/data_shapes.hpp"
#include "unit/space/published.hpp"

namespace enas::child {
namespace {

using space::Operation;

space::MacroNet net_of(int layers, std::vector<std::int32_t> tokens) {
  const space::MacroSpaceOptions space{.layers = layers};
  return space::macro_net(space, {space::macro_space(space).id(), std::move(tokens)});
}

space::MacroNet published() { return net_of(24, space::tokens_from_text(space::kEnasMacro)); }

std::int64_t published_parameters(int filters, bool released) {
  return macro_plan(published(), {.filters = filters, .released = released}, nn::kCifar)
      .num_parameters();
}

/// Every layer with this operation, and skips from everything or nothing.
space::MacroNet uniform_net(int layers, Operation operation, bool with_skips) {
  space::MacroNet net;
  for (int layer = 0; layer < layers; ++layer) {
    net.layers.push_back({0, operation, {}});
    for (int entry = 0; with_skips && entry < layer; ++entry) {
      net.layers.back().skips.push_back(entry);
    }
  }
  return net;
}

/// The network in double, from the definition.
struct MacroModel {
  space::MacroNet net;
  MacroNetworkOptions options;

  at::Tensor operate(DoubleNetwork& d, at::Tensor x, int number, Operation operation) const {
    const std::string name = concat("layer/", number, "/", space::name_of(operation));
    x = d.norm(d.convolution(at::relu(x), name + "/in"), name + "/in_norm");
    if (operation == Operation::avg_pool_3x3) return d.avg_pool(x);
    if (operation == Operation::max_pool_3x3) return d.max_pool(x);
    const bool is_separable =
        operation == Operation::sep_conv_3x3 || operation == Operation::sep_conv_5x5;
    x = at::relu(x);
    x = is_separable && !options.released
            ? d.convolution(d.convolution(x, name + "/depthwise"), name + "/pointwise")
            : d.convolution(x, name + "/conv");
    return d.norm(x, name + "/norm");
  }

  bool is_read_after(int entry, int layer) const {
    const int num_layers = static_cast<int>(net.layers.size());
    for (int later = layer + 1; later < num_layers; ++later) {
      const auto& skips = net.layers[static_cast<std::size_t>(later)].skips;
      if (later == entry || std::count(skips.begin(), skips.end(), entry) > 0) return true;
    }
    return false;
  }

  DoubleLogits operator()(DoubleNetwork& d, const at::Tensor& images) const {
    std::vector<at::Tensor> entries = {d.norm(d.convolution(images, "stem/conv"), "stem/norm")};
    const int num_layers = static_cast<int>(net.layers.size());
    for (int l = 0; l < num_layers; ++l) {
      const auto& layer = net.layers[static_cast<std::size_t>(l)];
      at::Tensor out = operate(d, entries.back(), l, layer.operation);
      if (l > 0) {
        std::vector<at::Tensor> parts;
        for (const int entry : layer.skips)
          parts.push_back(entries[static_cast<std::size_t>(entry)]);
        parts.push_back(out);
        out = d.norm(d.convolution(at::relu(at::cat(parts, 1)), concat("layer/", l, "/merge")),
                     concat("layer/", l, "/norm"));
      }
      entries.push_back(out);
      const int third = num_layers / 3;
      if (third == 0 || (l != third - 1 && l != 2 * third - 1)) continue;
      for (std::size_t e = 0; e < entries.size(); ++e) {
        if (!is_read_after(static_cast<int>(e), l)) continue;
        entries[e] = d.reduction(entries[e], concat("reduction/", l, "/", e));
      }
    }
    return {d.classify(entries.back(), "head", options.dropout), {}};
  }
};

void expect_definition(const space::MacroNet& net, const MacroNetworkOptions& options,
                       const nn::DataShape& shape) {
  SCOPED_TRACE(net.text());
  const MacroNetwork network(net, options, shape, 11);
  const MacroModel model{net, options};
  expect_definition(network, image_batch(shape, 6, 1), options.dropout, 0.0, model);
}

TEST(MacroNetwork, PassesAndScoresAreThoseOfTheDefinition) {
  const space::MacroNet mixed =
      net_of(6, {0, 3, 0, 1, 1, 0, 4, 1, 0, 1, 5, 0, 0, 1, 1, 2, 1, 1, 0, 0, 1});
  expect_definition(mixed, {.filters = 4}, nn::images(3, 12, 12, 4));
  expect_definition(mixed, {.filters = 3, .dropout = 0.0}, nn::images(1, 9, 11, 3));
  for (const int layers : {1, 2, 3}) {
    expect_definition(uniform_net(layers, Operation::conv_3x3, true), {.filters = 4},
                      nn::images(3, 8, 8, 4));
  }
}

TEST(MacroNetwork, ReleasedBuildsSeparableConvolutionsAsDenseOnes) {
  const space::MacroNet net = net_of(3, {1, 3, 1, 0, 0, 1});
  expect_definition(net, {.filters = 4, .released = true}, nn::images(3, 8, 8, 4));
}

TEST(MacroNetwork, ReleasedRefusesPools) {
  const space::MacroNet net = uniform_net(2, Operation::max_pool_3x3, false);
  EXPECT_THROW(macro_plan(net, {.released = true}, nn::kCifar), ConfigError);
  EXPECT_GT(macro_plan(net, {}, nn::kCifar).num_parameters(), 0);
}

TEST(MacroNetwork, ParameterCountsOfThePublishedNetwork) {
  EXPECT_EQ(published_parameters(64, true), 18927552);
  EXPECT_EQ(published_parameters(72, true), 23950008);
  EXPECT_EQ(published_parameters(96, true), 42559392);
  EXPECT_EQ(published_parameters(72, false), 17425224);
  EXPECT_EQ(published_parameters(80, false), 21504080);
  EXPECT_EQ(published_parameters(96, false), 30947424);
}

std::set<int> pool_layers(int layers) {
  std::set<int> pools;
  const ImagePlan plan =
      macro_plan(uniform_net(layers, Operation::conv_3x3, false), {}, nn::kCifar);
  for (const PlannedWeight& weight : plan.weights()) {
    if (weight.name.starts_with("reduction/")) pools.insert(std::stoi(weight.name.substr(10)));
  }
  return pools;
}

TEST(MacroNetwork, PoolLayers) {
  EXPECT_EQ(pool_layers(12), (std::set<int>{3, 7}));
  EXPECT_EQ(pool_layers(24), (std::set<int>{7, 15}));
  EXPECT_EQ(pool_layers(2), std::set<int>{});
}

TEST(MacroNetwork, MultiplyAddsAreCountedByHand) {
  const nn::DataShape shape = nn::images(3, 8, 6, 5);
  const double pixels = 8 * 6;
  EXPECT_EQ(macro_plan(uniform_net(1, Operation::sep_conv_5x5, false), {.filters = 4}, shape)
                .multiply_adds(),
            pixels * (3 * 4 * 9 + 4 * 4 + 4 * 25 + 4 * 4) + 4 * 5);
  // Layer 1 in 4x3 pixels and 8 channels, layer 2 in 2x2 and 16; nobody but the next layer reads.
  const double stem_and_first = pixels * (3 * 4 * 9 + 4 * 4 + 4 * 4 * 9);
  const double second = 12 * (4 * 8 + 8 * 8 + 8 * 8 * 9 + 8 * 8);
  const double third = 4 * (8 * 16 + 16 * 16 + 16 * 16 * 9 + 16 * 16);
  EXPECT_EQ(
      macro_plan(uniform_net(3, Operation::conv_3x3, false), {.filters = 4}, shape).multiply_adds(),
      stem_and_first + second + third + 16 * 5);
}

TEST(MacroNetwork, EveryOperationGivesItsOwnOutput) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const nn::Batch batch = image_batch(shape, 4, 2);
  std::set<double> losses;
  for (std::int32_t code = 0; code < 6; ++code) {
    losses.insert(train(MacroNetwork(net_of(1, {code}), {.filters = 4}, shape, 1), batch).loss);
  }
  EXPECT_EQ(losses.size(), 6U);
}

TEST(MacroNetwork, GradientsAreSlopesOfTheLoss) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const MacroNetwork net(net_of(3, {0, 1, 1, 4, 1, 1}), {.filters = 4}, shape, 1);
  expect_slopes(net, image_batch(shape, 6, 3), 0.5, 0.0);
}

TEST(MacroNetwork, TheSameCallGivesTheSameBits) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const MacroNetwork net(net_of(3, {2, 5, 1, 3, 1, 1}), {.filters = 4}, shape, 1);
  const nn::Batch batch = image_batch(shape, 6, 4);
  const nn::Pass first = train(net, batch);
  const nn::Pass second = train(net, batch);
  EXPECT_EQ(first.loss, second.loss);
  for (std::size_t i = 0; i < first.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(first.gradients[i], second.gradients[i]));
  }
  for (std::size_t i = 0; i < first.statistics.size(); ++i) {
    EXPECT_TRUE(at::equal(first.statistics[i], second.statistics[i]));
  }
  EXPECT_NE(first.loss, train(net, batch, {5, 2, 8}).loss);
  EXPECT_EQ(score(net, batch).nats, score(net, batch).nats);
}

TEST(MacroNetwork, RefusesValuesOutOfRange) {
  const space::MacroNet net = uniform_net(1, Operation::conv_3x3, false);
  EXPECT_THROW(macro_plan(net, {.filters = 0}, nn::kCifar), ConfigError);
  EXPECT_THROW(macro_plan(net, {.dropout = 1.0}, nn::kCifar), ConfigError);
  EXPECT_THROW(macro_plan(net, {.norm_epsilon = 0.0}, nn::kCifar), ConfigError);
  nn::DataShape flat = nn::kCifar;
  flat.height = 0;
  EXPECT_THROW(macro_plan(net, {}, flat), ConfigError);
  nn::DataShape of_one_class = nn::kCifar;
  of_one_class.num_classes = 1;
  EXPECT_THROW(macro_plan(net, {}, of_one_class), ConfigError);
}

}  // namespace
}  // namespace enas::child
