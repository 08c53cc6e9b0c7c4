// SPDX-License-Identifier: Apache-2.0
// What a configuration says about a space leads to that space and its descriptions.
#include "space/space_options.hpp"

#include <gtest/gtest.h>

#include "support/thrown.hpp"

namespace enas::space {
namespace {

SpaceOptions small_options(SpaceKind kind) {
  SpaceOptions options;
  options.kind = kind;
  options.recurrent.nodes = 3;
  options.macro.layers = 3;
  options.micro.nodes = 4;
  return options;
}

TEST(Spaces, HaveThePapersSizes) {
  SpaceOptions options;
  EXPECT_EQ(make_space(options).id(), "recurrent/12");
  EXPECT_EQ(paper_space_size(options), "8.0e15");
  options.kind = SpaceKind::macro;
  EXPECT_EQ(make_space(options).id(), "macro/12");
  EXPECT_EQ(make_space(options).size_text(), "1.6e29");
  EXPECT_EQ(paper_space_size(options), "1.6e29");
  options.kind = SpaceKind::micro;
  EXPECT_EQ(make_space(options).id(), "micro/7");
  EXPECT_EQ(paper_space_size(options), "1.3e11");
}

TEST(Spaces, FollowTheOptionsOfTheirKind) {
  EXPECT_EQ(make_space(small_options(SpaceKind::recurrent)).size_text(),
            "128");  // 4 · (1 · 4) · (2 · 4)
  EXPECT_EQ(make_space(small_options(SpaceKind::macro)).size_text(), "1728");  // 6^3 · 2^3
  SpaceOptions micro = small_options(SpaceKind::micro);
  micro.micro.nodes = 3;
  EXPECT_EQ(make_space(micro).size_text(), "10000");  // (2 · 5)^4
}

TEST(Spaces, DescribeARecurrentChild) {
  const SpaceOptions options = small_options(SpaceKind::recurrent);
  const auto child = describe(options, {make_space(options).id(), {0, 0, 1, 1, 2}});
  EXPECT_EQ(child.text, "0:tanh 1:relu(0) 2:identity(1) | mean 2");
  EXPECT_EQ(child.json["space"], "recurrent");
  EXPECT_EQ(child.json["nodes"][2]["function"], "identity");
}

TEST(Spaces, DescribeAMacroChild) {
  const SpaceOptions options = small_options(SpaceKind::macro);
  const auto child = describe(options, {make_space(options).id(), {0, 1, 1, 5, 0, 1}});
  EXPECT_EQ(child.text, "0:conv_3x3 1:sep_conv_3x3+0 2:max_pool_3x3+1");
  EXPECT_EQ(child.json["space"], "macro");
  ASSERT_EQ(child.json["layers"].size(), 3U);
  EXPECT_EQ(child.json["layers"][1]["skips"], Json::parse(R"(["stem"])"));
  EXPECT_EQ(child.json["layers"][2]["operation"], "max_pool_3x3");
  EXPECT_EQ(child.json["layers"][2]["skips"], Json::parse("[0]"));
}

TEST(Spaces, DescribeAMicroChild) {
  SpaceOptions options = small_options(SpaceKind::micro);
  options.micro.nodes = 3;
  const auto child = describe(options, {make_space(options).id(), {0, 0, 1, 4, 1, 2, 1, 3}});
  EXPECT_EQ(child.text,
            "normal 2:sep_conv_3x3(0)+identity(1) | concat 2; "
            "reduction 2:avg_pool_3x3(1)+max_pool_3x3(1) | concat 0 2");
  EXPECT_EQ(child.json["space"], "micro");
  EXPECT_EQ(child.json["normal"]["nodes"][0]["operations"],
            Json::parse(R"(["sep_conv_3x3", "identity"])"));
  EXPECT_EQ(child.json["reduction"]["loose_ends"], Json::parse("[0, 2]"));
}

TEST(Spaces, DescribeNoChildOfAnotherSpace) {
  for (const SpaceKind kind : {SpaceKind::recurrent, SpaceKind::macro, SpaceKind::micro}) {
    const SpaceOptions options = small_options(kind);
    const std::string id = make_space(options).id();
    EXPECT_EQ(thrown_code([&] { describe(options, {id, {0, 0}}); }), ExitCode::bad_data);
  }
}

}  // namespace
}  // namespace enas::space
