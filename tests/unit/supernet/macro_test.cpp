// SPDX-License-Identifier: Apache-2.0
#include "supernet/macro.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "core/error.hpp"
#include "expect_reference.hpp"
#include "unit/space/published.hpp"

namespace enas::supernet {
namespace {

using space::Operation;

MacroOptions small_options() {
  MacroOptions options;
  options.filters = 4;
  return options;
}

space::Architecture macro_child(const space::MacroSpaceOptions& space,
                                std::vector<std::int32_t> tokens) {
  return {space::macro_space(space).id(), std::move(tokens)};
}

/// One child in double, from the definition.
struct MacroModel {
  space::MacroNet net;
  MacroOptions options;

  at::Tensor branch(const DoubleLayers& layers, at::Tensor x, const std::string& name,
                    Operation operation) const {
    const bool relu_first = options.operation_order == OperationOrder::relu_conv_norm;
    if (relu_first) x = layers.relu(x);
    x = layers.convolution(x, name + "/in");
    x = layers.norm(x, name + "/in_norm", options.norm_epsilon);
    const bool is_avg = operation == Operation::avg_pool_3x3;
    const bool is_pool = is_avg || operation == Operation::max_pool_3x3;
    if (!(is_pool && relu_first)) x = layers.relu(x);
    if (is_pool) return is_avg ? layers.avg_pool(x) : layers.max_pool(x);
    if (operation == Operation::conv_3x3 || operation == Operation::conv_5x5) {
      x = layers.convolution(x, name + "/conv");
    } else {
      x = layers.convolution(layers.depthwise(x, name + "/depthwise"), name + "/pointwise");
    }
    x = layers.norm(x, name + "/norm", options.kernel_norm_epsilon);
    return relu_first ? x : layers.relu(x);
  }

  at::Tensor merge(const DoubleLayers& layers, int number, const std::vector<int>& skips,
                   const std::vector<at::Tensor>& entries, at::Tensor own) const {
    const std::string name = concat("layer/", number);
    if (options.skip_merge == SkipMerge::sum) {
      for (const int entry : skips) own = own + entries[static_cast<std::size_t>(entry)];
    } else {
      at::Tensor total = layers.convolution(layers.relu(own), name + "/merge/own");
      for (const int entry : skips) {
        total = total + layers.convolution(layers.relu(entries[static_cast<std::size_t>(entry)]),
                                           concat(name, "/merge/", entry));
      }
      own = total;
    }
    return layers.norm(own, name + "/norm", options.norm_epsilon);
  }

  /// Entries that no later layer reads, as input or skip, are not reduced.
  bool is_read_after(int entry, int layer) const {
    const int num_layers = static_cast<int>(net.layers.size());
    for (int later = layer + 1; later < num_layers; ++later) {
      const auto& skips = net.layers[static_cast<std::size_t>(later)].skips;
      if (later == entry || std::count(skips.begin(), skips.end(), entry) > 0) return true;
    }
    return false;
  }

  at::Tensor operator()(DoubleWeights& weights, const at::Tensor& input, double drop) const {
    const DoubleLayers layers{weights};
    std::vector<at::Tensor> entries = {
        layers.norm(layers.convolution(input, "stem/conv"), "stem/norm", options.norm_epsilon)};
    const int num_layers = static_cast<int>(net.layers.size());
    for (int l = 0; l < num_layers; ++l) {
      const auto& layer = net.layers[static_cast<std::size_t>(l)];
      const std::string name = concat("layer/", l, "/", space::name_of(layer.operation));
      at::Tensor out = branch(layers, entries.back(), name, layer.operation);
      if (l > 0) out = merge(layers, l, layer.skips, entries, out);
      entries.push_back(out);
      const int third = num_layers / 3;
      if (third == 0 || (l != third - 1 && l != 2 * third - 1)) continue;
      for (std::size_t e = 0; e < entries.size(); ++e) {
        if (!is_read_after(static_cast<int>(e), l)) continue;
        entries[e] =
            layers.reduction(entries[e], concat("reduction/", l, "/", e), options.norm_epsilon);
      }
    }
    return layers.logits(entries.back(), drop);
  }
};

void expect_reference(const space::MacroSpaceOptions& space, const MacroOptions& options,
                      const space::Architecture& architecture, const BatchSizes& sizes = {}) {
  const MacroSupernet net(space, options, kSmallClasses, 1);
  const MacroModel model{space::macro_net(space, architecture), options};
  expect_reference(net, architecture, sizes, options.drop_features, model);
}

TEST(MacroSupernet, GradientsAndScoresAreThoseOfTheDefinition) {
  std::uint64_t number = 0;
  for (const SkipMerge merge : {SkipMerge::sum, SkipMerge::concatenate}) {
    for (const OperationOrder order :
         {OperationOrder::conv_norm_relu, OperationOrder::relu_conv_norm}) {
      for (const int layers : {7, 6, 3, 2, 1}) {
        const space::MacroSpaceOptions space{.layers = layers};
        MacroOptions options = small_options();
        options.skip_merge = merge;
        options.operation_order = order;
        options.drop_features = number % 2 == 0 ? 0.5 : 0.0;
        expect_reference(space, options, random_macro(space, number++));
      }
    }
  }
}

TEST(MacroSupernet, EveryOperationHasItsDefinitionInBothOrders) {
  const space::MacroSpaceOptions space{.layers = 3};
  for (const OperationOrder order :
       {OperationOrder::conv_norm_relu, OperationOrder::relu_conv_norm}) {
    for (std::int32_t code = 0; code < 6; ++code) {
      MacroOptions options = small_options();
      options.operation_order = order;
      expect_reference(space, options, macro_child(space, {code, code, 1, code, 0, 1}), {6, 8, 8});
    }
  }
}

TEST(MacroSupernet, ParameterCountOfThePublishedSupernet) {
  EXPECT_EQ(count_values(macro_weight_shapes({}, {}, {})), 697'860);
  const MacroSupernet net({}, {}, {}, 1);
  std::int64_t count = 0;
  for (const Weight& weight : net.weights()) count += weight.value.numel();
  EXPECT_EQ(count, 697'860);
  EXPECT_EQ(net.space_id(), "macro/12");
  EXPECT_EQ(net.initial_state(4).numel(), 0);
}

TEST(MacroSupernet, ThePublishedNetworkRuns) {
  const space::MacroSpaceOptions space{.layers = 24};
  const space::Architecture architecture =
      macro_child(space, space::tokens_from_text(space::kEnasMacro));
  expect_reference(space, small_options(), architecture, {6, 8, 8});
}

TEST(MacroSupernet, TwoOperationsAtOnePlaceGiveTwoOutputs) {
  const space::MacroSpaceOptions space{.layers = 6};  // pools after layers 1 and 3
  const MacroSupernet net(space, small_options(), kSmallClasses, 1);
  const space::Architecture base = random_macro(space, 5);
  std::int32_t place = 0;
  for (int layer = 0; layer < space.layers; place += ++layer) {
    std::vector<double> nats;
    for (std::int32_t code = 0; code < 6; ++code) {
      space::Architecture architecture = base;
      architecture.tokens[static_cast<std::size_t>(place)] = code;
      nats.push_back(score_of(net, architecture).nats);
      for (const std::string& name : touched_names(net, architecture)) {
        for (std::int32_t other = 0; other < 6; ++other) {
          const Operation operation = space.operations[static_cast<std::size_t>(other)];
          const std::string prefix = concat("layer/", layer, "/", space::name_of(operation), "/");
          EXPECT_TRUE(other == code || !name.starts_with(prefix)) << name;
        }
      }
    }
    for (std::size_t a = 0; a < nats.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        EXPECT_GT(std::abs(nats[a] - nats[b]), 1e-3) << layer << ": " << a << ", " << b;
      }
    }
  }
}

TEST(MacroSupernet, EverySkipChangesTheOutput) {
  const space::MacroSpaceOptions space{.layers = 6};
  for (const SkipMerge merge : {SkipMerge::sum, SkipMerge::concatenate}) {
    MacroOptions options = small_options();
    options.skip_merge = merge;
    const MacroSupernet net(space, options, kSmallClasses, 1);
    const space::Architecture base = random_macro(space, 6);
    const double nats = score_of(net, base).nats;
    std::size_t place = 0;
    for (int layer = 0; layer < space.layers; ++layer) {
      ++place;  // the operation
      for (int bit = 0; bit < layer; ++bit, ++place) {
        space::Architecture architecture = base;
        architecture.tokens[place] = 1 - architecture.tokens[place];
        EXPECT_GT(std::abs(score_of(net, architecture).nats - nats), 1e-4) << layer << ", " << bit;
      }
    }
  }
}

TEST(MacroSupernet, ReducesOnlyWhatIsReadLater) {
  const space::MacroSpaceOptions space{.layers = 6};
  const MacroSupernet net(space, small_options(), kSmallClasses, 1);
  const auto reductions = [&](const std::vector<std::int32_t>& tokens) {
    std::set<std::string> names;
    for (const std::string& name : touched_names(net, macro_child(space, tokens))) {
      if (name.starts_with("reduction/") && name.ends_with("/norm")) names.insert(name);
    }
    return names;
  };
  using Names = std::set<std::string>;
  // clang-format off
  EXPECT_EQ(reductions({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
            (Names{"reduction/1/2/norm", "reduction/3/4/norm"}));
  // Layer 2 reads the stem, layer 5 the stem and layer 2.
  EXPECT_EQ(reductions({0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0}),
            (Names{"reduction/1/0/norm", "reduction/1/2/norm", "reduction/3/0/norm",
                   "reduction/3/3/norm", "reduction/3/4/norm"}));
  // clang-format on
}

TEST(MacroSupernet, ASubsetOfOperationsHasOnlyTheirWeights) {
  space::MacroSpaceOptions space{.layers = 4};
  space.operations = {Operation::max_pool_3x3, Operation::sep_conv_5x5};
  const MacroSupernet net(space, small_options(), kSmallClasses, 1);
  for (const Weight& weight : net.weights()) {
    EXPECT_EQ(weight.name.find("conv_3x3"), std::string::npos) << weight.name;
    EXPECT_EQ(weight.name.find("avg_pool"), std::string::npos) << weight.name;
  }
  for (std::uint64_t number = 0; number < 3; ++number) {
    expect_reference(space, small_options(), random_macro(space, number));
  }
}

TEST(MacroSupernet, RefusesValuesOutOfRange) {
  const auto make = [](int layers, auto change) {
    MacroOptions options = small_options();
    change(options);
    MacroSupernet({.layers = layers}, options, kSmallClasses, 1);
  };
  EXPECT_NO_THROW(make(3, [](auto&) {}));
  EXPECT_THROW(make(3, [](auto& o) { o.filters = 0; }), ConfigError);
  EXPECT_THROW(make(3, [](auto& o) { o.filters = 5; }), ConfigError);
  EXPECT_NO_THROW(make(2, [](auto& o) { o.filters = 5; }));  // nothing is reduced
  EXPECT_THROW(make(3, [](auto& o) { o.drop_features = 1.0; }), ConfigError);
  EXPECT_THROW(make(3, [](auto& o) { o.drop_features = std::nan(""); }), ConfigError);
  EXPECT_THROW(make(3, [](auto& o) { o.norm_epsilon = 0.0; }), ConfigError);
  EXPECT_THROW(make(3, [](auto& o) { o.kernel_norm_epsilon = -1.0; }), ConfigError);
  EXPECT_THROW(MacroSupernet({}, {}, {0, 10}, 1), ConfigError);
  EXPECT_THROW(MacroSupernet({}, {}, {3, 1}, 1), ConfigError);
}

}  // namespace
}  // namespace enas::supernet
