// SPDX-License-Identifier: Apache-2.0
// The micro space: its decisions, its size, its priors, and the cells that tokens stand for.
#include "space/micro.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/error.hpp"
#include "unit/space/published.hpp"

namespace enas::space {
namespace {

TEST(MicroSpace, SamplesInputsFirstAndStoresThemBesideTheirOperations) {
  const SearchSpace space = micro_space({.nodes = 4});
  EXPECT_EQ(space.id(), "micro/4");
  const std::vector<std::string> sampled = {
      "node 0 anchor",      "node 1 anchor",      "node 2 input 1",     "node 2 input 2",
      "node 2 operation 1", "node 2 operation 2", "node 2 anchor",      "node 3 input 1",
      "node 3 input 2",     "node 3 operation 1", "node 3 operation 2", "node 3 anchor"};
  const std::vector<std::string> stored = {
      "node 2 input 1", "node 2 operation 1", "node 2 input 2", "node 2 operation 2",
      "node 3 input 1", "node 3 operation 1", "node 3 input 2", "node 3 operation 2"};
  ASSERT_EQ(space.decisions().size(), 24U);
  ASSERT_EQ(space.num_tokens(), 16);
  for (std::size_t i = 0; i < 24; ++i) {
    const std::string cell = i < 12 ? "normal " : "reduction ";
    EXPECT_EQ(space.decisions()[i].name, cell + sampled[i % 12]);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(space.token_names()[i], (i < 8 ? "normal " : "reduction ") + stored[i % 8]);
  }
}

TEST(MicroSpace, DecisionsFollowTheAuthorsSampler) {
  const SearchSpace space = micro_space({});
  int steps = 0;
  for (std::size_t i = 0; i < space.decisions().size(); ++i) {
    const Decision& decision = space.decisions()[i];
    const bool is_normal = decision.name.starts_with("normal");
    steps += decision.lstm_steps;
    const bool is_input_anchor =
        decision.name.ends_with("node 0 anchor") || decision.name.ends_with("node 1 anchor");
    if (decision.kind == DecisionKind::none) {
      EXPECT_EQ(decision.next, NextInput::start);
      EXPECT_EQ(decision.anchor,
                is_input_anchor ? AnchorAfter::zero_with_key : AnchorAfter::own_state);
    } else {
      EXPECT_EQ(decision.anchor, AnchorAfter::none);
    }
    if (decision.kind == DecisionKind::earlier_node) {
      EXPECT_EQ(decision.next, NextInput::anchor);
      EXPECT_EQ(decision.distance_penalty, 0.0);
      EXPECT_EQ(decision.first_anchor, is_normal ? 0 : 7);
      // Exactly the anchors of its own cell so far.
      EXPECT_EQ(decision.first_anchor + decision.num_choices,
                space.anchors_before(static_cast<int>(i)));
    }
    if (decision.kind == DecisionKind::option) {
      EXPECT_EQ(decision.next, NextInput::option_embedding);
    }
    if (decision.name == "normal node 6 anchor") {
      EXPECT_EQ(steps, 27);
    }
  }
  EXPECT_EQ(steps, 54);
}

TEST(MicroSpace, KnowsItsSize) {
  const SearchSpace space = micro_space({});
  EXPECT_EQ(space.id(), "micro/7");
  EXPECT_EQ(space.num_tokens(), 40);
  EXPECT_NEAR(space.max_entropy(), 58.506, 5e-4);
  EXPECT_NEAR(space.log_size(), 2.0 * std::log(5.06e12), 2e-3);
  EXPECT_EQ(space.size_text(), "2.6e25");
  EXPECT_EQ(micro_paper_size({}), "1.3e11");
  const MicroSpaceOptions small{.nodes = 3, .operations = {Operation::identity}};
  EXPECT_EQ(micro_space(small).size_text(), "16");
  EXPECT_EQ(micro_paper_size(small), "1.0e0");
}

TEST(MicroSpace, PriorFollowsTheOperationsNotTheirPlaces) {
  const SearchSpace none = micro_space({});
  EXPECT_EQ(none.option_bias_start(), std::vector<double>(5, 0.0));
  for (const Decision& decision : none.decisions()) EXPECT_TRUE(decision.logit_bias.empty());

  EXPECT_EQ(micro_space({.operation_prior = OperationPrior::released}).option_bias_start(),
            (std::vector<double>{10.0, 10.0, 0.0, 0.0, 0.0}));
  const SearchSpace released = micro_space(
      {.operations = {Operation::identity, Operation::sep_conv_5x5, Operation::max_pool_3x3},
       .operation_prior = OperationPrior::released});
  EXPECT_EQ(released.option_bias_start(), (std::vector<double>{0.0, 10.0, 0.0}));
  int num_biased = 0;
  for (const Decision& decision : released.decisions()) {
    if (decision.logit_bias.empty()) continue;
    ++num_biased;
    EXPECT_EQ(decision.kind, DecisionKind::option);
    EXPECT_TRUE(decision.name.starts_with("normal")) << decision.name;
    EXPECT_EQ(decision.logit_bias, (std::vector<double>{-0.25, 0.25, -0.25}));
  }
  EXPECT_EQ(num_biased, 10);
}

TEST(MicroSpace, RefusesShapesThatDoNotExist) {
  EXPECT_THROW(micro_space({.nodes = 2}), ConfigError);
  EXPECT_NO_THROW(micro_space({.nodes = 3}));
  EXPECT_THROW(micro_space({.operations = {}}), ConfigError);
  EXPECT_THROW(micro_space({.operations = {Operation::conv_3x3}}), ConfigError);
  EXPECT_THROW(micro_space({.operations = {Operation::conv_5x5}}), ConfigError);
  EXPECT_THROW(micro_space({.operations = {Operation::identity, Operation::identity}}),
               ConfigError);
}

TEST(MicroNet, PublishedCellsParseAndRoundTrip) {
  const Architecture architecture{"micro/7", tokens_from_text(kEnasMicro)};
  ASSERT_EQ(architecture.tokens.size(), 40U);
  const MicroNet net = micro_net({}, architecture);
  EXPECT_EQ(net.normal.loose_ends(), (std::vector<int>{2, 3, 4, 5, 6}));
  EXPECT_EQ(net.reduction.loose_ends(), (std::vector<int>{2, 4, 5, 6}));
  EXPECT_EQ(net.text(),
            "normal 2:avg_pool_3x3(0)+sep_conv_3x3(0) 3:identity(0)+sep_conv_5x5(0) "
            "4:identity(0)+sep_conv_5x5(1) 5:sep_conv_3x3(1)+sep_conv_5x5(0) "
            "6:avg_pool_3x3(0)+sep_conv_5x5(1) | concat 2 3 4 5 6; "
            "reduction 2:sep_conv_3x3(1)+sep_conv_3x3(1) 3:max_pool_3x3(0)+avg_pool_3x3(0) "
            "4:sep_conv_5x5(1)+sep_conv_5x5(3) 5:sep_conv_3x3(1)+identity(0) "
            "6:max_pool_3x3(0)+sep_conv_5x5(1) | concat 2 4 5 6");
  std::vector<std::int32_t> tokens;
  for (const MicroCell* cell : {&net.normal, &net.reduction}) {
    for (const auto& sides : cell->nodes) {
      for (const MicroCell::Side& side : sides) {
        tokens.push_back(side.input);
        tokens.push_back(side.code);
      }
    }
  }
  EXPECT_EQ(tokens, architecture.tokens);
  EXPECT_EQ(tokens_from_text(architecture.text()), architecture.tokens);
}

TEST(MicroNet, UnreadInputsAreLooseEnds) {
  const MicroNet net = micro_net({.nodes = 4}, {"micro/4",
                                                {1, 0, 1, 4, 2, 0, 2, 0,  //
                                                 0, 0, 1, 1, 0, 2, 0, 3}});
  EXPECT_EQ(net.normal.loose_ends(), (std::vector<int>{0, 3}));
  EXPECT_EQ(net.reduction.loose_ends(), (std::vector<int>{2, 3}));
}

TEST(MicroNet, JsonHoldsNamesOnly) {
  const MicroSpaceOptions options{.nodes = 3,
                                  .operations = {Operation::identity, Operation::sep_conv_3x3}};
  EXPECT_EQ(micro_net_json(micro_net(options, {"micro/3", {0, 1, 1, 0, 1, 0, 1, 0}})),
            R"({"space":"micro","normal":{"nodes":[{"node":2,"inputs":[0,1],)"
            R"("operations":["sep_conv_3x3","identity"]}],"loose_ends":[2]},)"
            R"("reduction":{"nodes":[{"node":2,"inputs":[1,1],)"
            R"("operations":["identity","identity"]}],"loose_ends":[0,2]}})");
}

TEST(MicroNet, RefusesTokensOfOtherSpaces) {
  const MicroSpaceOptions options{.nodes = 3};
  EXPECT_NO_THROW(micro_net(options, {"micro/3", {1, 4, 1, 4, 1, 4, 1, 4}}));
  EXPECT_THROW(micro_net(options, {"micro/3", {2, 4, 1, 4, 1, 4, 1, 4}}), InputError);
  EXPECT_THROW(micro_net(options, {"micro/3", {1, 4, 1, 4, 1, 4, 1, 5}}), InputError);
  EXPECT_THROW(micro_net(options, {"micro/3", {1, 4, 1, 4}}), InputError);
}

TEST(ReductionCells, FollowTheThirdsOfTheNormalCells) {
  EXPECT_EQ(reduction_cells(15), (std::array<int, 2>{5, 11}));
  EXPECT_EQ(reduction_cells(6), (std::array<int, 2>{2, 5}));
  EXPECT_EQ(reduction_cells(1), (std::array<int, 2>{0, 1}));
}

}  // namespace
}  // namespace enas::space
