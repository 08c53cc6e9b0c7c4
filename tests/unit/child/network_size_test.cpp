// SPDX-License-Identifier: Apache-2.0
// What `arch show` counts without building a network is what the network that is trained has.
#include "space/network_size.hpp"

#include <gtest/gtest.h>

#include "child/macro.hpp"
#include "child/micro.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "unit/nn/data_shapes.hpp"

namespace enas::child {
namespace {

constexpr int kDraws = 40;

space::Architecture random_child(const space::SearchSpace& decisions, std::uint64_t draw) {
  RandomStream random(1, {Purpose::children, 0, draw});
  space::Architecture child{decisions.id(), {}};
  child.tokens.resize(static_cast<std::size_t>(decisions.num_tokens()));
  for (const auto& decision : decisions.decisions()) {
    const auto choices = static_cast<std::uint64_t>(decision.num_values());
    for (int i = 0; i < decision.num_tokens(); ++i) {
      child.tokens[static_cast<std::size_t>(decision.token + i)] =
          static_cast<std::int32_t>(random.next_below(choices));
    }
  }
  return child;
}

void expect_same(const space::NetworkSize& counted, const ImagePlan& plan) {
  EXPECT_EQ(counted.parameters, plan.num_parameters());
  EXPECT_EQ(counted.multiply_adds, plan.multiply_adds());
}

TEST(NetworkSize, IsThatOfRandomMacroNetworks) {
  const space::MacroSpaceOptions space{.layers = 7};
  const nn::DataShape shape = nn::images(3, 14, 18, 10);
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    SCOPED_TRACE(concat("draw ", draw));
    const auto net = space::macro_net(space, random_child(space::macro_space(space), draw));
    expect_same(space::network_size(net, {.filters = 6, .task = {.height = 14, .width = 18}}),
                macro_plan(net, {.filters = 6}, shape));
  }
}

TEST(NetworkSize, IsThatOfRandomMicroNetworks) {
  const space::MicroSpaceOptions space{.nodes = 5};
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    SCOPED_TRACE(concat("draw ", draw));
    const auto net = space::micro_net(space, random_child(space::micro_space(space), draw));
    expect_same(space::network_size(net, {.layers = 4, .filters = 6}),
                micro_plan(net, {.layers = 4, .filters = 6, .auxiliary_weight = 0.0}, nn::kCifar));
  }
}

}  // namespace
}  // namespace enas::child
