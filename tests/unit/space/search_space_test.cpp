// SPDX-License-Identifier: Apache-2.0
// A search space checks itself, counts itself, and validates tokens.
#include "space/search_space.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"

namespace enas::space {
namespace {

Decision option(std::string name, int num_choices, int token) {
  return {.name = std::move(name), .num_choices = num_choices, .token = token};
}

Decision anchor(std::string name) {
  return {.name = std::move(name), .kind = DecisionKind::none, .anchor = AnchorAfter::own_state};
}

Decision earlier_node(std::string name, int num_choices, int token) {
  return {.name = std::move(name),
          .kind = DecisionKind::earlier_node,
          .next = NextInput::scaled_anchor,
          .num_choices = num_choices,
          .token = token};
}

Decision subset(std::string name, int num_choices, int token) {
  return {.name = std::move(name),
          .kind = DecisionKind::subset,
          .next = NextInput::mean_anchor,
          .num_choices = num_choices,
          .token = token};
}

SearchSpace make(std::vector<Decision> decisions) {
  return SearchSpace("toy", {"a", "b", "c"}, std::move(decisions));
}

std::string refusal(std::vector<Decision> decisions) {
  try {
    make(std::move(decisions));
  } catch (const ContractError& error) {
    return error.what();
  }
  return "accepted";
}

std::string input_error(const SearchSpace& space, const std::vector<std::int32_t>& tokens) {
  try {
    space.validate(tokens);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SearchSpace, CountsTokensAndStoredAnchors) {
  const SearchSpace space = make({anchor("n0"), option("f0", 3, 1), earlier_node("p1", 1, 0),
                                  anchor("n1"), earlier_node("p2", 2, 2)});
  EXPECT_EQ(space.num_tokens(), 3);
  EXPECT_EQ(space.num_options(), 3);
  EXPECT_EQ(space.anchors_before(0), 0);
  EXPECT_EQ(space.anchors_before(1), 1);
  EXPECT_EQ(space.anchors_before(3), 1);
  EXPECT_EQ(space.anchors_before(4), 2);
  EXPECT_EQ(space.size_text(), "6");
  EXPECT_NEAR(space.log_size(), std::log(6.0), 1e-15);
}

TEST(SearchSpace, RefusesDecisionsThatDoNotHangTogether) {
  EXPECT_NE(refusal({}).find("no decisions"), std::string::npos);
  EXPECT_NE(refusal({option("f", 3, 0), option("f", 3, 1)}).find("'f' appears twice"),
            std::string::npos);
  EXPECT_NE(refusal({option("f", 3, 0), option("g", 3, 0)}).find("token 0 is taken"),
            std::string::npos);
  EXPECT_NE(refusal({option("f", 3, 0), option("g", 3, 2)}).find("are not 0 .. 1"),
            std::string::npos);
  EXPECT_NE(refusal({option("f", 4, 0)}).find("the space has 3 options"), std::string::npos);
  EXPECT_NE(refusal({anchor("n0"), earlier_node("p", 2, 0)}).find("1 anchors are stored"),
            std::string::npos);
}

TEST(SearchSpace, RefusesMeaninglessFields) {
  Decision wrong = option("f", 3, 0);
  wrong.lstm_steps = -1;
  EXPECT_NE(refusal({wrong}).find("lstm_steps"), std::string::npos);
  wrong = option("f", 3, 0);
  wrong.distance_penalty = 0.5;
  EXPECT_NE(refusal({wrong}).find("distances"), std::string::npos);
  wrong = option("f", 3, 0);
  wrong.next = NextInput::scaled_anchor;
  EXPECT_NE(refusal({wrong}).find("scaled_anchor"), std::string::npos);
  wrong = anchor("n");
  wrong.next = NextInput::option_embedding;
  EXPECT_NE(refusal({wrong}).find("option_embedding"), std::string::npos);
  wrong = anchor("n");
  wrong.token = 0;
  EXPECT_NE(refusal({wrong}).find("no token"), std::string::npos);
  wrong = earlier_node("p", 1, 0);
  wrong.distance_penalty = std::nan("");
  EXPECT_NE(refusal({anchor("n"), wrong}).find("distance_penalty"), std::string::npos);
  wrong = option("f", 3, 0);
  wrong.next = NextInput::anchor;
  EXPECT_NE(refusal({wrong}).find("next anchor"), std::string::npos);
  wrong = earlier_node("p", 1, 0);
  wrong.next = NextInput::mean_anchor;
  EXPECT_NE(refusal({anchor("n"), wrong}).find("mean_anchor"), std::string::npos);
  wrong = subset("s", 1, 0);
  wrong.next = NextInput::anchor;
  EXPECT_NE(refusal({anchor("n"), wrong}).find("next anchor"), std::string::npos);
  wrong = subset("s", 1, 0);
  wrong.distance_penalty = 0.5;
  EXPECT_NE(refusal({anchor("n"), wrong}).find("distances"), std::string::npos);
  wrong = earlier_node("p", 1, 0);
  wrong.logit_bias = {0.5};
  EXPECT_NE(refusal({anchor("n"), wrong}).find("logit_bias"), std::string::npos);
}

TEST(SearchSpace, DecisionsMayHaveOptionsOfTheirOwn) {
  Decision size = option("size", 2, 1);
  size.first_option = 1;
  const SearchSpace space = make({option("kind", 1, 0), size});
  EXPECT_EQ(space.size_text(), "2");
  EXPECT_EQ(space.options(0).size(), 1U);
  ASSERT_EQ(space.options(1).size(), 2U);
  EXPECT_EQ(space.options(1)[0], "b");
  EXPECT_EQ(space.options(1)[1], "c");
  EXPECT_NE(input_error(space, {1, 0}).find("must be between 0 and 0"), std::string::npos);
  EXPECT_THROW(space.options(2), ContractError);
}

TEST(SearchSpace, RefusesOptionsThatTheSpaceDoesNotHave) {
  Decision decision = option("f", 2, 0);
  decision.first_option = 2;
  EXPECT_NE(refusal({decision}).find("num_choices is 2 from option 2 on"), std::string::npos);
  decision.first_option = -1;
  EXPECT_NE(refusal({decision}).find("from option -1 on"), std::string::npos);
  EXPECT_NE(refusal({option("f", 0, 0)}).find("num_choices is 0"), std::string::npos);
  Decision link = earlier_node("p", 1, 0);
  link.first_option = 1;
  EXPECT_NE(refusal({anchor("n"), link}).find("first_option needs kind option"), std::string::npos);
}

TEST(SearchSpace, ChecksBiasesAgainstTheOptions) {
  Decision biased = option("f", 3, 0);
  biased.logit_bias = {0.5, -0.5, 0.0};
  EXPECT_EQ(refusal({biased}), "accepted");
  biased.logit_bias = {0.5, -0.5};
  EXPECT_NE(refusal({biased}).find("2 values for 3 options"), std::string::npos);
  biased.logit_bias = {0.5, -0.5, std::nan("")};
  EXPECT_NE(refusal({biased}).find("finite"), std::string::npos);

  const std::vector<Decision> decisions = {option("f", 3, 0)};
  const auto with_start = [&](std::vector<double> start) {
    return SearchSpace("toy", {"a", "b", "c"}, decisions, std::move(start));
  };
  EXPECT_EQ(with_start({1.0, 2.0, 3.0}).option_bias_start().size(), 3U);
  EXPECT_TRUE(with_start({}).option_bias_start().empty());
  EXPECT_THROW(with_start({1.0}), ContractError);
  EXPECT_THROW(with_start({1.0, 2.0, std::nan("")}), ContractError);
}

TEST(SearchSpace, SubsetHasATokenACandidate) {
  const SearchSpace space =
      make({anchor("n0"), anchor("n1"), subset("s", 2, 1), option("f", 3, 0)});
  EXPECT_EQ(space.num_tokens(), 3);
  EXPECT_EQ(space.decisions()[0].num_tokens(), 0);
  EXPECT_EQ(space.decisions()[2].num_tokens(), 2);
  EXPECT_EQ(space.decisions()[2].num_values(), 2);
  EXPECT_EQ(space.decisions()[3].num_tokens(), 1);
  EXPECT_EQ(space.decisions()[3].num_values(), 3);
  EXPECT_EQ(space.token_names(), (std::vector<std::string>{"f", "s 0", "s 1"}));
  EXPECT_EQ(space.size_text(), "12");
  EXPECT_NEAR(space.log_size(), std::log(12.0), 1e-15);
  EXPECT_EQ(input_error(space, {2, 1, 1}), "accepted");
  EXPECT_EQ(input_error(space, {2, 1, 2}),
            "token 2 of an architecture ('s 1') is 2, but must be between 0 and 1");
  EXPECT_EQ(input_error(space, {2, -1, 0}),
            "token 1 of an architecture ('s 0') is -1, but must be between 0 and 1");
  EXPECT_NE(refusal({anchor("n0"), anchor("n1"), subset("s", 2, 0), option("f", 3, 1)})
                .find("token 1 is taken"),
            std::string::npos);
  EXPECT_NE(refusal({anchor("n0"), subset("s", 2, 0)}).find("1 anchors are stored"),
            std::string::npos);
}

TEST(SearchSpace, CandidatesBeginAtTheFirstAnchor) {
  for (Decision choice : {earlier_node("p", 2, 0), subset("s", 2, 0)}) {
    choice.first_anchor = 1;
    EXPECT_EQ(refusal({anchor("n0"), anchor("n1"), anchor("n2"), choice}), "accepted");
    choice.first_anchor = 2;
    EXPECT_NE(refusal({anchor("n0"), anchor("n1"), anchor("n2"), choice})
                  .find("num_choices is 2 from anchor 2 on, but 3 anchors are stored"),
              std::string::npos);
    choice.first_anchor = -1;
    EXPECT_NE(refusal({anchor("n0"), anchor("n1"), anchor("n2"), choice}), "accepted");
  }
  Decision wrong = option("f", 3, 0);
  wrong.first_anchor = 1;
  EXPECT_NE(refusal({anchor("n0"), wrong}).find("first_anchor"), std::string::npos);
}

TEST(SearchSpace, RoundsSizesToTwoDigits) {
  EXPECT_EQ(rounded_size_text(0.0), "1.0e0");
  EXPECT_EQ(rounded_size_text(std::log(600.0) * 4.0), "1.3e11");
  EXPECT_EQ(rounded_size_text(std::log(1000.0)), "1.0e3");
  EXPECT_EQ(rounded_size_text(std::log(9.97)), "1.0e1");
}

TEST(SearchSpace, NamesTheTokenThatDoesNotBelong) {
  const SearchSpace space = make({anchor("n0"), option("f0", 3, 1), earlier_node("p1", 1, 0)});
  EXPECT_EQ(input_error(space, {0, 2}), "accepted");
  EXPECT_EQ(input_error(space, {0, 3}),
            "token 1 of an architecture ('f0') is 3, but must be between 0 and 2");
  EXPECT_EQ(input_error(space, {-1, 0}),
            "token 0 of an architecture ('p1') is -1, but must be between 0 and 0");
  EXPECT_EQ(input_error(space, {0}),
            "an architecture of the space 'toy' has 2 tokens, but 1 were given: 0");
}

TEST(SearchSpace, PrintsItsSizeExactlyWhileThatIsReadable) {
  const auto size_text = [](int num_options, int num_decisions) {
    std::vector<std::string> options(static_cast<std::size_t>(num_options), "x");
    std::vector<Decision> decisions;
    for (int i = 0; i < num_decisions; ++i) {
      decisions.push_back(option(std::to_string(i), num_options, i));
    }
    return SearchSpace("toy", std::move(options), std::move(decisions)).size_text();
  };
  EXPECT_EQ(size_text(10, 14), "100000000000000");
  EXPECT_EQ(size_text(10, 15), "1.0e15");
  EXPECT_EQ(size_text(3, 31), "617673396283947");
  EXPECT_EQ(size_text(3, 32), "1.9e15");
  EXPECT_EQ(size_text(10, 400), "1.0e400");
}

}  // namespace
}  // namespace enas::space
