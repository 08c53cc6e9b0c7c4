// SPDX-License-Identifier: Apache-2.0
#include "supernet/micro.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "core/error.hpp"
#include "expect_reference.hpp"
#include "unit/nn/data_shapes.hpp"
#include "unit/space/published.hpp"

namespace enas::supernet {
namespace {

using space::Operation;

MicroOptions small_options(int cells = 3) {
  MicroOptions options;
  options.cells = cells;
  options.filters = 4;
  return options;
}

space::Architecture micro_child(const space::MicroSpaceOptions& space,
                                std::vector<std::int32_t> tokens) {
  return {space::micro_space(space).id(), std::move(tokens)};
}

/// One child in double, from the definition: what an input needs is decided by its sizes.
struct MicroModel {
  space::MicroNet net;
  MicroOptions options;

  at::Tensor separable(const DoubleLayers& layers, at::Tensor x, const std::string& name) const {
    for (const char* time : {"/1", "/2"}) {
      x = layers.depthwise(layers.relu(x), concat(name, time, "/depthwise"));
      x = layers.convolution(x, concat(name, time, "/pointwise"));
      x = layers.norm(x, concat(name, time, "/norm"), options.norm_epsilon);
    }
    return x;
  }

  at::Tensor cell(const DoubleLayers& layers, const space::MicroCell& chosen,
                  const std::string& name, std::vector<at::Tensor> nodes) const {
    std::set<int> unread = {0, 1};
    for (const auto& sides : chosen.nodes) {
      const int node = static_cast<int>(nodes.size());
      at::Tensor total;
      for (const bool is_x : {true, false}) {
        const auto& side = sides[is_x ? 0 : 1];
        const at::Tensor& x = nodes[static_cast<std::size_t>(side.input)];
        at::Tensor out = x;
        if (side.operation == Operation::avg_pool_3x3) out = layers.avg_pool(x);
        if (side.operation == Operation::max_pool_3x3) out = layers.max_pool(x);
        if (side.operation == Operation::sep_conv_3x3 ||
            side.operation == Operation::sep_conv_5x5) {
          out = separable(layers, x,
                          concat(name, "/node/", node, is_x ? "/x/" : "/y/",
                                 space::name_of(side.operation), "/", side.input));
        }
        total = is_x ? out : total + out;
        unread.erase(side.input);
      }
      nodes.push_back(total);
      unread.insert(node);
      for (const auto& side : sides) unread.erase(side.input);
    }
    at::Tensor total;
    for (const int node : unread) {
      const at::Tensor part = layers.convolution(layers.relu(nodes[static_cast<std::size_t>(node)]),
                                                 concat(name, "/out/", node));
      total = total.defined() ? total + part : part;
    }
    return layers.norm(total, name + "/out/norm", options.norm_epsilon);
  }

  at::Tensor operator()(DoubleWeights& weights, const at::Tensor& input, double drop) const {
    const DoubleLayers layers{weights};
    const double epsilon = options.norm_epsilon;
    at::Tensor previous = layers.norm(layers.convolution(input, "stem/conv"), "stem/norm", epsilon);
    at::Tensor two_back = previous;
    std::int64_t filters = options.filters;
    for (int number = 0; number < options.cells + 2; ++number) {
      const std::string name = concat("cell/", number);
      const int third = options.cells / 3;
      const bool reduces = number == third || number == 2 * third + 1;
      const bool released = options.reduction_inputs == ReductionInputs::released;
      if (reduces) filters *= 2;
      at::Tensor x = two_back;
      at::Tensor y = previous;
      if (reduces && released) {
        x = previous;
        y = layers.reduction(previous, name + "/input/1/reduce", epsilon);
      }
      const at::Tensor handed_on = y;
      if (x.size(2) != y.size(2)) {
        x = layers.reduction(layers.relu(x), name + "/input/0/shrink", epsilon);
      }
      if (reduces && !released) {
        x = layers.reduction(layers.relu(x), name + "/input/0/reduce", epsilon);
        y = layers.reduction(layers.relu(y), name + "/input/1/reduce", epsilon);
      }
      for (at::Tensor* image : {&x, &y}) {
        if (image->size(1) == filters) continue;
        const std::string input_name = concat(name, "/input/", image == &x ? 0 : 1, "/project");
        *image = layers.norm(layers.convolution(layers.relu(*image), input_name),
                             input_name + "_norm", epsilon);
      }
      two_back = handed_on;
      previous = cell(layers, reduces ? net.reduction : net.normal, name, {x, y});
    }
    return layers.logits(layers.relu(previous), drop);
  }
};

void expect_reference(const space::MicroSpaceOptions& space, const MicroOptions& options,
                      const space::Architecture& architecture, const BatchSizes& sizes = {}) {
  const MicroSupernet net(space, options, kSmallData, 1);
  const MicroModel model{space::micro_net(space, architecture), options};
  expect_reference(net, architecture, sizes, options.drop_features, model);
}

TEST(MicroSupernet, GradientsAndScoresAreThoseOfTheDefinition) {
  std::uint64_t number = 0;
  for (const ReductionInputs inputs : {ReductionInputs::both, ReductionInputs::released}) {
    for (const int cells : {1, 2, 3, 6}) {
      const space::MicroSpaceOptions space{.nodes = 4};
      MicroOptions options = small_options(cells);
      options.reduction_inputs = inputs;
      options.drop_features = number % 2 == 0 ? 0.5 : 0.0;
      expect_reference(space, options, random_micro(space, number++));
    }
  }
}

TEST(MicroSupernet, ParameterCountsOfBothReductions) {
  MicroOptions options;
  EXPECT_EQ(count_values(micro_weight_shapes({}, options, nn::kCifar)), 5'377'380);
  options.reduction_inputs = ReductionInputs::released;
  EXPECT_EQ(count_values(micro_weight_shapes({}, options, nn::kCifar)), 5'373'140);
  const MicroSupernet net({}, options, nn::kCifar, 1);
  std::int64_t count = 0;
  for (const Weight& weight : net.weights()) count += weight.value.numel();
  EXPECT_EQ(count, 5'373'140);
  EXPECT_EQ(net.initial_state(4).numel(), 0);
}

TEST(MicroSupernet, ThePublishedCellsRun) {
  const space::MicroSpaceOptions space;
  for (const ReductionInputs inputs : {ReductionInputs::both, ReductionInputs::released}) {
    MicroOptions options = small_options(6);
    options.reduction_inputs = inputs;
    expect_reference(space, options, micro_child(space, space::tokens_from_text(space::kEnasMicro)),
                     {6, 8, 8});
  }
}

TEST(MicroSupernet, TwoOperationsAtOnePlaceGiveTwoOutputs) {
  const space::MicroSpaceOptions space{.nodes = 4};
  const MicroSupernet net(space, small_options(), kSmallData, 1);
  const space::Architecture base = random_micro(space, 5);
  for (std::size_t place = 1; place < base.tokens.size(); place += 2) {
    std::vector<double> nats;
    for (std::int32_t code = 0; code < 5; ++code) {
      space::Architecture architecture = base;
      architecture.tokens[place] = code;
      nats.push_back(score_of(net, architecture).nats);
    }
    for (std::size_t a = 0; a < nats.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        EXPECT_GT(std::abs(nats[a] - nats[b]), 1e-4) << place << ": " << a << ", " << b;
      }
    }
  }
}

TEST(MicroSupernet, TouchesTheChosenOperationsOfEveryCell) {
  const space::MicroSpaceOptions space{.nodes = 3};
  const MicroSupernet net(space, small_options(1), kSmallData, 1);
  // Cells 0 and 1 reduce, cell 2 is normal. Input 0 of the normal cell is read by nobody.
  const auto child = micro_child(space, {1, 0, 1, 4, 0, 1, 1, 3});
  std::set<std::string> names;
  for (const std::string& name : touched_names(net, child)) {
    if (name.find("/node/") != std::string::npos || name.find("/out/") != std::string::npos) {
      names.insert(name);
    }
  }
  std::set<std::string> expected;
  for (const char* part : {"/depthwise", "/pointwise", "/norm"}) {
    for (const char* time : {"/1", "/2"}) {
      expected.insert(concat("cell/2/node/2/x/sep_conv_3x3/1", time, part));
      expected.insert(concat("cell/0/node/2/x/sep_conv_5x5/0", time, part));
      expected.insert(concat("cell/1/node/2/x/sep_conv_5x5/0", time, part));
    }
  }
  for (const char* name : {"cell/0/out/2", "cell/0/out/norm", "cell/1/out/2", "cell/1/out/norm",
                           "cell/2/out/0", "cell/2/out/2", "cell/2/out/norm"}) {
    expected.insert(name);
  }
  EXPECT_EQ(names, expected);
}

TEST(MicroSupernet, AnUnreadInputReachesTheOutput) {
  const space::MicroSpaceOptions space{.nodes = 3};
  const auto unread = micro_child(space, {1, 0, 1, 4, 0, 1, 1, 3});
  expect_reference(space, small_options(), unread);
  const MicroSupernet net(space, small_options(), kSmallData, 1);
  const double before = score_of(net, unread).nats;
  for (const Weight& weight : net.weights()) {
    if (weight.name == "cell/4/out/0") at::Tensor(weight.value).mul_(-2.0);
  }
  EXPECT_GT(std::abs(score_of(net, unread).nats - before), 1e-3);
}

TEST(MicroSupernet, ASubsetOfOperationsHasOnlyTheirWeights) {
  space::MicroSpaceOptions space{.nodes = 4};
  space.operations = {Operation::max_pool_3x3, Operation::sep_conv_5x5};
  const MicroSupernet net(space, small_options(), kSmallData, 1);
  for (const Weight& weight : net.weights()) {
    EXPECT_EQ(weight.name.find("sep_conv_3x3"), std::string::npos) << weight.name;
  }
  for (std::uint64_t number = 0; number < 3; ++number) {
    expect_reference(space, small_options(), random_micro(space, number));
  }
}

TEST(MicroSupernet, RefusesValuesOutOfRange) {
  const auto make = [](auto change) {
    MicroOptions options = small_options();
    change(options);
    MicroSupernet({.nodes = 3}, options, kSmallData, 1);
  };
  EXPECT_NO_THROW(make([](auto&) {}));
  EXPECT_THROW(make([](auto& o) { o.cells = 0; }), ConfigError);
  EXPECT_THROW(make([](auto& o) { o.filters = 0; }), ConfigError);
  EXPECT_THROW(make([](auto& o) { o.filters = 5; }), ConfigError);
  EXPECT_THROW(make([](auto& o) { o.drop_features = -0.1; }), ConfigError);
  EXPECT_THROW(make([](auto& o) { o.norm_epsilon = std::nan(""); }), ConfigError);
  EXPECT_THROW(MicroSupernet({}, {}, {.channels = 0, .num_classes = 10}, 1), ConfigError);
  EXPECT_THROW(MicroSupernet({}, {}, {.channels = 3, .num_classes = 0}, 1), ConfigError);
}

}  // namespace
}  // namespace enas::supernet
