// SPDX-License-Identifier: Apache-2.0
// Cells whose named outputs leave an input or a node unread can be trained, in networks of every
// kind.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "child/macro.hpp"
#include "child/micro.hpp"
#include "child/recurrent.hpp"
#include "core/text.hpp"
#include "double_network.hpp"
#include "unit/space/random_views.hpp"

namespace enas::child {
namespace {

constexpr int kDraws = 200;
constexpr nn::DataShape kShape{.channels = 1, .height = 5, .width = 4, .num_classes = 3};

/// Some of the nodes 0 to count - 1.
std::vector<int> some_nodes(space::RandomSpaces& random, int count) {
  std::vector<int> nodes(static_cast<std::size_t>(count));
  std::iota(nodes.begin(), nodes.end(), 0);
  return random.some_of(nodes);
}

/// How many gradients are zero throughout. All of them exist and have their weight's shape.
int count_zero(const Network& net, const nn::Pass& pass) {
  EXPECT_EQ(pass.gradients.size(), net.weights().size());
  int zero = 0;
  for (std::size_t i = 0; i < pass.gradients.size(); ++i) {
    const at::Tensor& gradient = pass.gradients[i];
    const nn::Weight& weight = net.weights()[i];
    EXPECT_TRUE(gradient.defined() && gradient.sizes() == weight.value.sizes()) << weight.name;
    EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << weight.name;
    if (gradient.eq(0.0).all().item<bool>()) ++zero;
  }
  return zero;
}

bool has_zero_gradient(const Network& net, const nn::Pass& pass, const std::string& name) {
  for (std::size_t i = 0; i < net.weights().size(); ++i) {
    if (net.weights()[i].name == name) return pass.gradients[i].eq(0.0).all().item<bool>();
  }
  ADD_FAILURE() << "no weight is called " << name;
  return false;
}

TEST(UnreadParts, RandomMicroNetworksWithNamedOutputsAreTrained) {
  space::RandomSpaces random(19);
  int with_unread = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    SCOPED_TRACE(concat("draw ", draw));
    const space::MicroSpaceOptions space{.nodes = 3 + random.below(3)};
    space::MicroNet cells = micro_net(space, random.in(micro_space(space)));
    name_outputs(cells.normal, some_nodes(random, space.nodes));
    name_outputs(cells.reduction, some_nodes(random, space.nodes));
    const MicroNetworkOptions options{.layers = 1 + random.below(2),
                                      .filters = 2,
                                      .dropout = 0.0,
                                      .drop_path_keep = random.below(2) == 0 ? 1.0 : 0.6,
                                      .auxiliary_weight = draw % 20 == 0 ? 0.4 : 0.0};
    const ImageNetwork net(micro_plan(cells, options, kShape), {}, 1);
    const nn::Batch batch = image_batch(kShape, 2, 0);
    const nn::Pass pass = train(net, batch);
    if (count_zero(net, pass) > 0) ++with_unread;
    move_averages(net, pass.statistics);
    EXPECT_TRUE(std::isfinite(score(net, batch).loss()));
  }
  EXPECT_GT(with_unread, kDraws / 4);  // else the draws would show nothing
}

/// Both nodes read input 0 alone and the output is node 2: of the input 1, and so of every second
/// cell, nothing reaches the classifier.
TEST(UnreadParts, HaveAZeroGradientAndOthersHaveNot) {
  const space::MicroSpaceOptions space{.nodes = 4};
  const space::Architecture tokens{micro_space(space).id(),
                                   {0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1}};
  space::MicroNet cells = micro_net(space, tokens);
  name_outputs(cells.normal, {2});
  name_outputs(cells.reduction, {2});
  const ImageNetwork net(
      micro_plan(cells, {.layers = 1, .filters = 2, .auxiliary_weight = 0.0}, kShape), {}, 1);
  const nn::Pass pass = train(net, image_batch(kShape, 4, 0));
  for (const char* name :
       {"cell/2/base", "cell/2/normal/3/x/sep_conv_5x5/1/depthwise",
        "cell/1/reduction/2/x/sep_conv_3x3/1/pointwise", "cell/1/input/0/shrink/even"}) {
    EXPECT_TRUE(has_zero_gradient(net, pass, name)) << name;
  }
  for (const char* name : {"head", "stem/conv", "cell/2/normal/2/x/sep_conv_3x3/1/depthwise",
                           "cell/0/reduction/2/y/sep_conv_3x3/2/norm"}) {
    EXPECT_FALSE(has_zero_gradient(net, pass, name)) << name;
  }
}

TEST(UnreadParts, RandomRecurrentNetworksWithNamedOutputsAreTrained) {
  constexpr int kVocabulary = 5;
  space::RandomSpaces random(20);
  const at::Tensor tokens = at::arange(9, at::kLong).remainder(kVocabulary).view({3, 3});
  const nn::Batch batch{tokens, at::remainder(tokens + 1, kVocabulary)};
  for (int draw = 0; draw < kDraws; ++draw) {
    SCOPED_TRACE(concat("draw ", draw));
    const space::RecurrentSpaceOptions space{.nodes = 2 + random.below(5)};
    space::RecurrentCell cell = recurrent_cell(space, random.in(recurrent_space(space)));
    name_outputs(cell, some_nodes(random, space.nodes));
    const RecurrentNetworkOptions options{
        .hidden = 4, .init_range = 0.1, .fused = random.below(2) == 0};
    const RecurrentNetwork net(cell, options, kVocabulary, 1);
    count_zero(net, train(net, batch));
    EXPECT_TRUE(std::isfinite(score(net, batch).loss()));
  }
}

TEST(UnreadParts, RandomMacroNetworksHaveNone) {
  space::RandomSpaces random(21);
  for (int draw = 0; draw < kDraws; ++draw) {
    SCOPED_TRACE(concat("draw ", draw));
    const space::MacroSpaceOptions space{.layers = 1 + random.below(7)};
    const space::MacroNet net = macro_net(space, random.in(macro_space(space)));
    const MacroNetworkOptions options{.filters = 2, .dropout = 0.0};
    const ImageNetwork network(macro_plan(net, options, kShape), {}, 1);
    const nn::Batch batch = image_batch(kShape, 2, 0);
    count_zero(network, train(network, batch));
  }
}

}  // namespace
}  // namespace enas::child
