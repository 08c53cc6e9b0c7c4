// SPDX-License-Identifier: Apache-2.0
// The way back from typed views to tokens, and outputs that are not the loose ends.
#include "space/typed_view.hpp"

#include <gtest/gtest.h>

#include "unit/space/random_views.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

TEST(TypedView, TokensOfAViewAreThoseItWasMadeFrom) {
  RandomSpaces random(1);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto recurrent = random.recurrent();
    const auto tokens = random.in(recurrent_space(recurrent));
    EXPECT_EQ(tokens_of(recurrent, recurrent_cell(recurrent, tokens)), tokens);
    const auto macro = random.macro();
    const auto layers = random.in(macro_space(macro));
    EXPECT_EQ(tokens_of(macro, macro_net(macro, layers)), layers);
    const auto micro = random.micro();
    const auto cells = random.in(micro_space(micro));
    EXPECT_EQ(tokens_of(micro, micro_net(micro, cells)), cells);
  }
}

RecurrentCell chain(Activation first, Activation second) {
  return {.nodes = {recurrent_node(-1, first), recurrent_node(0, second)}};
}

TEST(TypedView, ARecurrentSpaceSaysWhatItCannotHold) {
  const auto refusal = [](const RecurrentSpaceOptions& options, const RecurrentCell& cell) {
    return refusal_of([&] { tokens_of(options, cell); });
  };
  const auto cell = chain(Activation::relu, Activation::sigmoid);
  EXPECT_EQ(refusal({.nodes = 2}, cell), "accepted");
  expect_words(refusal({.nodes = 3}, cell), {"has 2 nodes", "the space has 3", "space.nodes"});
  expect_words(refusal({.nodes = 2, .activations = {Activation::relu, Activation::tanh}}, cell),
               {"node 1 applies sigmoid", "only relu, tanh", "space.activations"});
  expect_words(refusal({.nodes = 2, .first_node = FirstNode::tanh}, cell),
               {"node 0 applies relu", "tanh", "space.first_node"});
  auto named = cell;
  name_outputs(named, {1, 0});
  expect_words(refusal({.nodes = 2}, named), {"outputs", "0 1", "loose ends 1"});
}

TEST(TypedView, AFixedAndASampledTanhAreTheSameFirstNode) {
  auto cell = chain(Activation::tanh, Activation::relu);
  const RecurrentSpaceOptions fixed = {.nodes = 2, .first_node = FirstNode::tanh};
  EXPECT_EQ(tokens_of(fixed, cell).text(), "0 1");
  cell.first_node = FirstNode::tanh;
  EXPECT_EQ(tokens_of({.nodes = 2}, cell).text(), "0 0 1");
}

TEST(TypedView, AConvolutionalSpaceSaysWhatItCannotHold) {
  const MacroNet macro = {
      .layers = {macro_layer(Operation::conv_3x3, {}), macro_layer(Operation::max_pool_3x3, {0})}};
  const auto in_macro = [&](const MacroSpaceOptions& options) {
    return refusal_of([&] { tokens_of(options, macro); });
  };
  EXPECT_EQ(in_macro({.layers = 2}), "accepted");
  expect_words(in_macro({.layers = 3}), {"has 2 layers", "the space has 3", "space.layers"});
  expect_words(in_macro({.layers = 2, .operations = {Operation::conv_3x3}}),
               {"layer 1 applies max_pool_3x3", "only conv_3x3", "space.operations"});

  const std::array sides = {micro_side(0, Operation::identity), micro_side(1, Operation::identity)};
  MicroNet micro = {.normal = {.nodes = {sides}}, .reduction = {.nodes = {sides}}};
  const auto in_micro = [&](const MicroSpaceOptions& options) {
    return refusal_of([&] { tokens_of(options, micro); });
  };
  EXPECT_EQ(in_micro({.nodes = 3}), "accepted");
  expect_words(in_micro({.nodes = 7}), {"has 3 normal nodes", "the space has 7", "space.nodes"});
  expect_words(in_micro({.nodes = 3, .operations = {Operation::max_pool_3x3}}),
               {"node 2 of the normal cell applies identity", "space.operations"});
  name_outputs(micro.reduction, {0});
  expect_words(in_micro({.nodes = 3}), {"reduction", "outputs", "loose ends 2"});
}

TEST(TypedView, OnlyOutputsThatDifferAreNamed) {
  auto cell = chain(Activation::tanh, Activation::relu);
  name_outputs(cell, {1});
  EXPECT_TRUE(cell.named_outputs.empty());
  EXPECT_TRUE(output_warnings(cell).empty());
  EXPECT_NE(cell.text().find("| mean 1"), std::string::npos);
  name_outputs(cell, {1, 0});
  EXPECT_EQ(cell.outputs(), (std::vector<int>{0, 1}));
  EXPECT_NE(cell.text().find("| mean 0 1"), std::string::npos);
  ASSERT_EQ(output_warnings(cell).size(), 1U);
  expect_words(output_warnings(cell)[0], {"recurrent", "0 1", "loose ends 1"});
}

TEST(TypedView, SpacesHaveNames) {
  for (const auto kind : {SpaceKind::recurrent, SpaceKind::macro, SpaceKind::micro}) {
    EXPECT_EQ(space_kind_from_name(name_of(kind)), kind);
  }
  EXPECT_EQ(kind_of(MacroNet{}), SpaceKind::macro);
  expect_words(refusal_of([] { space_kind_from_name("mikro"); }), {"mikro", "micro"});
}

}  // namespace
}  // namespace enas::space
