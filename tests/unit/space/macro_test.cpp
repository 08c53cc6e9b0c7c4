// SPDX-License-Identifier: Apache-2.0
// The macro space: its decisions, its size, and the networks that tokens stand for.
#include "space/macro.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/error.hpp"
#include "unit/space/published.hpp"

namespace enas::space {
namespace {

MacroNet net_of(const MacroSpaceOptions& options, std::vector<std::int32_t> tokens) {
  return macro_net(options, {macro_space(options).id(), std::move(tokens)});
}

TEST(MacroSpace, SamplesPerLayerAnOperationAndThenSkips) {
  const SearchSpace space = macro_space({.layers = 3});
  EXPECT_EQ(space.id(), "macro/3");
  EXPECT_TRUE(space.option_bias_start().empty());
  ASSERT_EQ(space.decisions().size(), 6U);
  const std::vector<std::string> names = {"layer 0 operation", "layer 0 anchor",
                                          "layer 1 operation", "layer 1 skip",
                                          "layer 2 operation", "layer 2 skip"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Decision& decision = space.decisions()[i];
    EXPECT_EQ(decision.name, names[i]);
    EXPECT_EQ(decision.lstm_steps, 1);
    const bool is_operation = i % 2 == 0;
    EXPECT_EQ(decision.anchor, is_operation ? AnchorAfter::none : AnchorAfter::own_state);
    EXPECT_EQ(decision.kind == DecisionKind::option, is_operation);
    EXPECT_EQ(decision.next == NextInput::option_embedding, is_operation);
  }
  EXPECT_EQ(space.decisions()[1].kind, DecisionKind::none);
  EXPECT_EQ(space.decisions()[1].next, NextInput::start);
  const Decision& skip = space.decisions()[5];
  EXPECT_EQ(skip.kind, DecisionKind::subset);
  EXPECT_EQ(skip.next, NextInput::mean_anchor);
  EXPECT_EQ(skip.num_choices, 2);
  EXPECT_EQ(skip.first_anchor, 0);
  EXPECT_EQ(space.anchors_before(5), 2);
  EXPECT_EQ(space.token_names(),
            (std::vector<std::string>{"layer 0 operation", "layer 1 operation", "layer 1 skip 0",
                                      "layer 2 operation", "layer 2 skip 0", "layer 2 skip 1"}));
}

TEST(MacroSpace, KnowsItsSize) {
  const SearchSpace space = macro_space({});
  EXPECT_EQ(space.id(), "macro/12");
  EXPECT_EQ(space.num_tokens(), 78);
  EXPECT_EQ(space.size_text(), "1.6e29");
  EXPECT_EQ(macro_paper_size({}), "1.6e29");
  EXPECT_NEAR(space.max_entropy(), 67.249, 5e-4);
  EXPECT_NEAR(space.log_size(), 12.0 * std::log(6.0) + 66.0 * std::log(2.0), 1e-12);
  EXPECT_EQ(macro_space({.layers = 24}).num_tokens(), 300);
  const MacroSpaceOptions two{.layers = 3,
                              .operations = {Operation::conv_5x5, Operation::avg_pool_3x3}};
  EXPECT_EQ(macro_space(two).size_text(), "64");
  EXPECT_EQ(macro_paper_size(two), "6.4e1");
  EXPECT_EQ(macro_space({.layers = 1}).size_text(), "6");
}

TEST(MacroSpace, RefusesShapesThatDoNotExist) {
  EXPECT_THROW(macro_space({.layers = 0}), ConfigError);
  EXPECT_THROW(macro_space({.operations = {}}), ConfigError);
  EXPECT_THROW(macro_space({.operations = {Operation::identity}}), ConfigError);
  EXPECT_THROW(macro_space({.operations = {Operation::conv_3x3, Operation::conv_3x3}}),
               ConfigError);
}

TEST(MacroNet, PublishedNetworkParsesAndRoundTrips) {
  const MacroSpaceOptions options{.layers = 24};
  const Architecture architecture{"macro/24", tokens_from_text(kEnasMacro)};
  ASSERT_EQ(architecture.tokens.size(), 300U);
  const MacroNet net = macro_net(options, architecture);
  ASSERT_EQ(net.layers.size(), 24U);
  std::map<int, int> operations;
  std::vector<std::int32_t> tokens;
  std::size_t num_skips = 0;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const MacroNet::Layer& layer = net.layers[i];
    ++operations[layer.code];
    EXPECT_EQ(layer.operation, options.operations[static_cast<std::size_t>(layer.code)]);
    num_skips += layer.skips.size();
    tokens.push_back(layer.code);
    tokens.resize(tokens.size() + i, 0);
    for (const int entry : layer.skips) {
      tokens[tokens.size() - i + static_cast<std::size_t>(entry)] = 1;
    }
  }
  EXPECT_EQ(operations, (std::map<int, int>{{0, 8}, {1, 2}, {2, 9}, {3, 5}}));
  EXPECT_EQ(num_skips, 98U);
  EXPECT_EQ(net.layers[5].operation, Operation::sep_conv_5x5);
  EXPECT_EQ(net.layers[5].skips, (std::vector<int>{0, 1, 3}));
  EXPECT_EQ(tokens, architecture.tokens);
  EXPECT_EQ(tokens_from_text(architecture.text()), architecture.tokens);
}

TEST(MacroNet, PrintsNamesAndEntries) {
  const MacroNet net = net_of({.layers = 3}, {0, 1, 1, 5, 1, 1});
  EXPECT_EQ(net.text(), "0:conv_3x3 1:sep_conv_3x3+0 2:max_pool_3x3+0,1");
  EXPECT_EQ(net_of({.layers = 2}, {2, 3, 0}).text(), "0:conv_5x5 1:sep_conv_5x5");
  EXPECT_EQ(macro_net_json(net),
            R"({"space":"macro","layers":[{"layer":0,"operation":"conv_3x3","skips":[]},)"
            R"({"layer":1,"operation":"sep_conv_3x3","skips":["stem"]},)"
            R"({"layer":2,"operation":"max_pool_3x3","skips":["stem",0]}]})");
}

TEST(MacroNet, TokensIndexTheListedOperations) {
  const MacroSpaceOptions options{.layers = 2,
                                  .operations = {Operation::max_pool_3x3, Operation::conv_3x3}};
  EXPECT_EQ(net_of(options, {1, 0, 1}).text(), "0:conv_3x3 1:max_pool_3x3+0");
  EXPECT_THROW(net_of(options, {2, 0, 1}), InputError);
  EXPECT_THROW(net_of(options, {1, 0, 2}), InputError);
  EXPECT_THROW(net_of(options, {1, 0}), InputError);
}

}  // namespace
}  // namespace enas::space
