// SPDX-License-Identifier: Apache-2.0
// The supernet of a space has the shapes that are said of it, follows the seed, and is as large as
// the published one.
#include "supernet/make.hpp"

#include <gtest/gtest.h>

namespace enas::supernet {
namespace {

using space::SpaceKind;

constexpr SpaceKind kAllKinds[] = {SpaceKind::recurrent, SpaceKind::macro, SpaceKind::micro};
const nn::DataShape kImages{.channels = 3, .num_classes = 10};

nn::DataShape shape_for(SpaceKind kind) {
  return kind == SpaceKind::recurrent ? nn::DataShape{.vocabulary_size = 20} : kImages;
}

/// Options of a small search.
struct Small {
  explicit Small(SpaceKind kind) {
    space.kind = kind;
    space.recurrent.nodes = 3;
    space.macro.layers = 3;
    space.micro.nodes = 4;
    options.recurrent.hidden = 8;
    options.macro.filters = 4;
    options.micro.cells = 3;
    options.micro.filters = 2;
  }
  space::SpaceOptions space;
  Options options;
};

std::int64_t total(const std::vector<WeightShape>& shapes) {
  std::int64_t count = 0;
  for (const auto& shape : shapes) count += shape.count();
  return count;
}

TEST(MakeSupernet, WeightShapesAreThoseOfTheSupernet) {
  for (const SpaceKind kind : kAllKinds) {
    const Small small(kind);
    const auto supernet = make_supernet(small.space, small.options, shape_for(kind), 11);
    EXPECT_EQ(supernet->space_id(), space::make_space(small.space).id());
    const auto shapes = weight_shapes(small.space, small.options, shape_for(kind));
    ASSERT_EQ(shapes.size(), supernet->weights().size());
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto& weight = supernet->weights()[i];
      EXPECT_EQ(weight.name, shapes[i].name);
      EXPECT_EQ(weight.value.sizes(), at::IntArrayRef(shapes[i].sizes)) << weight.name;
    }
  }
}

TEST(MakeSupernet, FollowsTheSeed) {
  for (const SpaceKind kind : kAllKinds) {
    const Small small(kind);
    const auto first = make_supernet(small.space, small.options, shape_for(kind), 11);
    const auto again = make_supernet(small.space, small.options, shape_for(kind), 11);
    const auto other = make_supernet(small.space, small.options, shape_for(kind), 12);
    bool differs = false;
    for (std::size_t i = 0; i < first->weights().size(); ++i) {
      EXPECT_TRUE(first->weights()[i].value.equal(again->weights()[i].value));
      differs = differs || !first->weights()[i].value.equal(other->weights()[i].value);
    }
    EXPECT_TRUE(differs);
  }
}

TEST(MakeSupernet, MacroHasThePublishedParameters) {
  Small macro(SpaceKind::macro);
  macro.space.macro.layers = 12;
  macro.options.macro.filters = 36;
  EXPECT_EQ(total(weight_shapes(macro.space, macro.options, kImages)), 697860);
}

TEST(MakeSupernet, MicroHasThePublishedParameters) {
  Small micro(SpaceKind::micro);
  micro.space = {};
  micro.space.kind = SpaceKind::micro;
  micro.options.micro.cells = 6;
  micro.options.micro.filters = 20;
  EXPECT_EQ(total(weight_shapes(micro.space, micro.options, kImages)), 5377380);
  micro.options.micro.reduction_inputs = ReductionInputs::released;
  EXPECT_EQ(total(weight_shapes(micro.space, micro.options, kImages)), 5373140);
}

}  // namespace
}  // namespace enas::supernet
