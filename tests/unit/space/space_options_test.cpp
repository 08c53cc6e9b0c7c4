// SPDX-License-Identifier: Apache-2.0
// What a configuration says about a space leads to that space, its descriptions and its weights.
#include <gtest/gtest.h>

#include "search/spaces.hpp"
#include "search/strategy/random.hpp"
#include "support/thrown.hpp"
#include "unit/search/small_settings.hpp"

namespace enas::search {
namespace {

const DataShape kImages{{.channels = 3, .num_classes = 10}};

DataShape shape_for(SpaceKind kind) {
  return kind == SpaceKind::recurrent ? DataShape{{.vocabulary_size = 20}} : kImages;
}

std::int64_t total(const std::vector<supernet::WeightShape>& shapes) {
  std::int64_t count = 0;
  for (const auto& shape : shapes) count += shape.count();
  return count;
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
  Settings settings = small_settings();
  EXPECT_EQ(make_space(settings.space).size_text(), "128");  // 4 · (1 · 4) · (2 · 4)
  settings = small_image_settings(SpaceKind::macro);
  EXPECT_EQ(make_space(settings.space).size_text(), "1728");  // 6^3 · 2^3
  settings = small_image_settings(SpaceKind::micro);
  settings.space.micro.nodes = 3;
  EXPECT_EQ(make_space(settings.space).size_text(), "10000");  // (2 · 5)^4
}

TEST(Spaces, DescribeARecurrentChild) {
  const SpaceOptions options = small_settings().space;
  const auto child = describe_child(options, {make_space(options).id(), {0, 0, 1, 1, 2}});
  EXPECT_EQ(child.text, "0:tanh 1:relu(0) 2:identity(1) | mean 2");
  EXPECT_EQ(child.json["space"], "recurrent");
  EXPECT_EQ(child.json["nodes"][2]["function"], "identity");
}

TEST(Spaces, DescribeAMacroChild) {
  const SpaceOptions options = small_image_settings(SpaceKind::macro).space;
  const auto child = describe_child(options, {make_space(options).id(), {0, 1, 1, 5, 0, 1}});
  EXPECT_EQ(child.text, "0:conv_3x3 1:sep_conv_3x3+0 2:max_pool_3x3+1");
  EXPECT_EQ(child.json["space"], "macro");
  ASSERT_EQ(child.json["layers"].size(), 3U);
  EXPECT_EQ(child.json["layers"][1]["skips"], Json::parse(R"(["stem"])"));
  EXPECT_EQ(child.json["layers"][2]["operation"], "max_pool_3x3");
  EXPECT_EQ(child.json["layers"][2]["skips"], Json::parse("[0]"));
}

TEST(Spaces, DescribeAMicroChild) {
  SpaceOptions options = small_image_settings(SpaceKind::micro).space;
  options.micro.nodes = 3;
  const auto child = describe_child(options, {make_space(options).id(), {0, 0, 1, 4, 1, 2, 1, 3}});
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
    const SpaceOptions options = small_settings_of(kind).space;
    const std::string id = make_space(options).id();
    EXPECT_EQ(thrown_code([&] { describe_child(options, {id, {0, 0}}); }), ExitCode::bad_data);
  }
}

TEST(Spaces, WeightShapesAreThoseOfTheSupernet) {
  for (const SpaceKind kind : {SpaceKind::recurrent, SpaceKind::macro, SpaceKind::micro}) {
    const Settings settings = small_settings_of(kind);
    const auto supernet = make_supernet(settings, shape_for(kind));
    EXPECT_EQ(supernet->space_id(), make_space(settings.space).id());
    const auto shapes = weight_shapes(settings, shape_for(kind));
    ASSERT_EQ(shapes.size(), supernet->weights().size());
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto& weight = supernet->weights()[i];
      EXPECT_EQ(weight.name, shapes[i].name);
      EXPECT_EQ(weight.value.sizes(), at::IntArrayRef(shapes[i].sizes)) << weight.name;
    }
  }
}

TEST(Spaces, SupernetsFollowTheSeed) {
  for (const SpaceKind kind : {SpaceKind::recurrent, SpaceKind::macro, SpaceKind::micro}) {
    Settings settings = small_settings_of(kind);
    const auto first = make_supernet(settings, shape_for(kind));
    const auto again = make_supernet(settings, shape_for(kind));
    settings.run.seed += 1;
    const auto other = make_supernet(settings, shape_for(kind));
    EXPECT_EQ(run::digest_of(run::arrays_of(first->weights())),
              run::digest_of(run::arrays_of(again->weights())));
    EXPECT_NE(run::digest_of(run::arrays_of(first->weights())),
              run::digest_of(run::arrays_of(other->weights())));
  }
}

TEST(Spaces, MacroHasThePublishedParameters) {
  Settings settings;
  settings.space.kind = SpaceKind::macro;
  settings.space.macro.layers = 12;
  settings.supernet.macro.filters = 36;
  EXPECT_EQ(total(weight_shapes(settings, kImages)), 697860);
}

TEST(Spaces, MicroHasThePublishedParameters) {
  Settings settings;
  settings.space.kind = SpaceKind::micro;
  settings.supernet.micro.cells = 6;
  settings.supernet.micro.filters = 20;
  EXPECT_EQ(total(weight_shapes(settings, kImages)), 5377380);
  settings.supernet.micro.reduction_inputs = supernet::ReductionInputs::released;
  EXPECT_EQ(total(weight_shapes(settings, kImages)), 5373140);
}

}  // namespace
}  // namespace enas::search
