// SPDX-License-Identifier: Apache-2.0
// The recurrent space: its decisions, its size, and the cells that tokens stand for.
#include "space/recurrent.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/random.hpp"
#include "unit/space/published.hpp"

namespace enas::space {
namespace {

RecurrentCell cell_of(const RecurrentSpaceOptions& options, std::vector<std::int32_t> tokens) {
  return recurrent_cell(options, {recurrent_space(options).id(), std::move(tokens)});
}

std::vector<std::int32_t> random_tokens(const SearchSpace& space, RandomStream& random) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(space.num_tokens()));
  for (const Decision& decision : space.decisions()) {
    if (decision.token < 0) continue;
    tokens[static_cast<std::size_t>(decision.token)] = static_cast<std::int32_t>(
        random.next_below(static_cast<std::uint64_t>(decision.num_choices)));
  }
  return tokens;
}

TEST(RecurrentSpace, SamplesFunctionsAndEarlierNodesInTheAuthorsOrder) {
  const SearchSpace space = recurrent_space({.nodes = 3});
  ASSERT_EQ(space.decisions().size(), 6U);
  const std::vector<std::string> names = {"node 0 anchor",   "node 0 function", "node 1 previous",
                                          "node 1 function", "node 2 previous", "node 2 function"};
  for (int i = 0; i < 6; ++i) {
    const Decision& decision = space.decisions()[static_cast<std::size_t>(i)];
    EXPECT_EQ(decision.name, names[static_cast<std::size_t>(i)]);
    EXPECT_EQ(decision.lstm_steps, 1);
    EXPECT_EQ(decision.token, i - 1);
  }
  const Decision& previous = space.decisions()[4];
  EXPECT_EQ(previous.num_choices, 2);
  EXPECT_EQ(space.anchors_before(4), 2);
  EXPECT_EQ(previous.anchor, AnchorAfter::own_state);
  EXPECT_EQ(previous.next, NextInput::scaled_anchor);
  EXPECT_EQ(previous.distance_penalty, 1.0 / 6.0);
  EXPECT_EQ(space.decisions()[0].next, NextInput::start);
  EXPECT_EQ(space.decisions()[0].anchor, AnchorAfter::own_state);
  EXPECT_EQ(space.decisions()[5].next, NextInput::option_embedding);
}

TEST(RecurrentSpace, FixedFirstNodeCostsNoControllerStep) {
  const SearchSpace space = recurrent_space({.nodes = 9, .first_node = FirstNode::tanh});
  EXPECT_EQ(space.num_tokens(), 16);
  EXPECT_EQ(space.decisions()[0].kind, DecisionKind::none);
  EXPECT_EQ(space.decisions()[0].lstm_steps, 0);
  EXPECT_EQ(space.decisions()[0].anchor, AnchorAfter::zero);
  EXPECT_EQ(space.decisions()[1].name, "node 1 previous");
  EXPECT_EQ(space.decisions()[1].num_choices, 1);
  EXPECT_EQ(space.decisions()[1].token, 0);
  EXPECT_NE(space.id(), recurrent_space({.nodes = 9}).id());
}

TEST(RecurrentSpace, EveryPreviousNodeHasAsManyCandidatesAsAnchors) {
  for (const FirstNode first_node : {FirstNode::sampled, FirstNode::tanh}) {
    const SearchSpace space = recurrent_space({.nodes = 12, .first_node = first_node});
    int node = 1;
    for (std::size_t i = 0; i < space.decisions().size(); ++i) {
      if (space.decisions()[i].kind != DecisionKind::earlier_node) continue;
      EXPECT_EQ(space.decisions()[i].num_choices, node);
      EXPECT_EQ(space.anchors_before(static_cast<int>(i)), node);
      ++node;
    }
    EXPECT_EQ(node, 12);
  }
}

TEST(RecurrentSpace, KnowsItsSize) {
  const SearchSpace space = recurrent_space({});
  EXPECT_EQ(space.id(), "recurrent/12");
  EXPECT_EQ(space.num_tokens(), 23);
  EXPECT_EQ(space.size_text(), "669692775628800");
  EXPECT_EQ(recurrent_paper_size({}), "8.0e15");
  EXPECT_NEAR(space.log_size(), 34.138, 5e-4);
  EXPECT_NEAR(space.max_entropy(), 12.0 * std::log(4.0) + std::lgamma(12.0), 1e-12);

  const SearchSpace two = recurrent_space({.activations = {Activation::tanh, Activation::relu}});
  EXPECT_NEAR(two.log_size(), 12.0 * std::log(2.0) + std::lgamma(12.0), 1e-12);
  EXPECT_EQ(recurrent_space({.nodes = 1}).size_text(), "4");
}

TEST(RecurrentSpace, RefusesShapesThatDoNotExist) {
  EXPECT_THROW(recurrent_space({.nodes = 0}), ConfigError);
  EXPECT_THROW(recurrent_space({.nodes = 1, .first_node = FirstNode::tanh}), ConfigError);
  EXPECT_NO_THROW(recurrent_space({.nodes = 2, .first_node = FirstNode::tanh}));
  EXPECT_THROW(recurrent_space({.activations = {}}), ConfigError);
  EXPECT_THROW(recurrent_space({.activations = {Activation::relu, Activation::relu}}), ConfigError);
  EXPECT_THROW(recurrent_space({.distance_penalty = -1.0}), ConfigError);
}

TEST(RecurrentCell, PublishedCellHasTheKnownLooseEnds) {
  const RecurrentCell cell = cell_of({}, tokens_from_text(kEnasPtb));
  EXPECT_EQ(cell.loose_ends(), (std::vector<int>{3, 4, 7, 9, 10, 11}));
  EXPECT_EQ(cell.text(),
            "0:tanh 1:tanh(0) 2:relu(1) 3:relu(2) 4:tanh(2) 5:tanh(2) 6:relu(5) 7:tanh(1) "
            "8:relu(6) 9:relu(8) 10:relu(8) 11:relu(8) | mean 3 4 7 9 10 11");
}

TEST(RecurrentCell, TokensIndexTheListedFunctions) {
  const RecurrentSpaceOptions options{.nodes = 2,
                                      .activations = {Activation::sigmoid, Activation::tanh}};
  const RecurrentCell cell = cell_of(options, {1, 0, 0});
  EXPECT_EQ(cell.text(), "0:tanh 1:sigmoid(0) | mean 1");
  EXPECT_EQ(cell.nodes[0].function, 1);
  EXPECT_EQ(cell.nodes[0].previous, -1);
  EXPECT_EQ(cell.nodes[1].previous, 0);
  EXPECT_THROW(cell_of(options, {2, 0, 0}), InputError);
  EXPECT_THROW(cell_of(options, {0, 1, 0}), InputError);
  EXPECT_THROW(cell_of(options, {0, 0}), InputError);
}

TEST(RecurrentCell, FixedFirstNodeIsTanhAndIndexesItWhereItCan) {
  RecurrentSpaceOptions options{.nodes = 3,
                                .activations = {Activation::relu, Activation::tanh},
                                .first_node = FirstNode::tanh};
  const RecurrentCell cell = cell_of(options, {0, 1, 1, 0});
  EXPECT_EQ(cell.text(), "0:tanh 1:tanh(0) 2:relu(1) | mean 2");
  EXPECT_EQ(cell.nodes[0].function, 1);
  EXPECT_EQ(cell.first_node, FirstNode::tanh);

  options.activations = {Activation::relu};
  const RecurrentCell without = cell_of(options, {0, 0, 0, 0});
  EXPECT_EQ(without.nodes[0].function, 0);
  EXPECT_EQ(without.nodes[0].activation, Activation::tanh);
}

TEST(RecurrentCell, SingleNodeIsItsOwnLooseEnd) {
  const RecurrentCell cell = cell_of({.nodes = 1}, {2});
  EXPECT_EQ(cell.text(), "0:identity | mean 0");
}

TEST(RecurrentCell, LooseEndsAreTheUnreadNodesAndNeverEmpty) {
  const RecurrentSpaceOptions options;
  const SearchSpace space = recurrent_space(options);
  RandomStream random(7, {.purpose = Purpose::test});
  for (int i = 0; i < 1000; ++i) {
    const RecurrentCell cell = cell_of(options, random_tokens(space, random));
    const std::vector<int> ends = cell.loose_ends();
    ASSERT_FALSE(ends.empty());
    EXPECT_EQ(ends.back(), options.nodes - 1);
    for (int node = 0; node < options.nodes; ++node) {
      const bool is_read = std::any_of(cell.nodes.begin(), cell.nodes.end(),
                                       [&](const auto& other) { return other.previous == node; });
      EXPECT_NE(is_read, std::binary_search(ends.begin(), ends.end(), node));
    }
  }
}

TEST(RecurrentCell, JsonHoldsNamesOnly) {
  const RecurrentCell cell = cell_of({.nodes = 3}, {3, 0, 2, 0, 1});
  EXPECT_EQ(recurrent_cell_json(cell),
            R"({"space":"recurrent","nodes":[{"node":0,"function":"sigmoid"},)"
            R"({"node":1,"previous":0,"function":"identity"},)"
            R"({"node":2,"previous":0,"function":"relu"}],"loose_ends":[1,2],)"
            R"("first_node":"sampled"})");
  const RecurrentCell fixed = cell_of({.nodes = 2, .first_node = FirstNode::tanh}, {0, 1});
  EXPECT_EQ(Json::parse(recurrent_cell_json(fixed)).at("first_node"), "tanh");
}

TEST(Activation, NamesRoundTrip) {
  for (const Activation activation :
       {Activation::tanh, Activation::relu, Activation::identity, Activation::sigmoid}) {
    EXPECT_EQ(activation_from_name(name_of(activation)), activation);
  }
  try {
    activation_from_name("gelu");
    FAIL() << "gelu was accepted";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "unknown function 'gelu': known are tanh, relu, identity, sigmoid");
  }
}

}  // namespace
}  // namespace enas::space
