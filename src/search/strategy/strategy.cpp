// SPDX-License-Identifier: Apache-2.0
#include "search/strategy/strategy.hpp"

#include "search/strategy/random.hpp"
#include "search/strategy/reinforce.hpp"

namespace enas::search {

std::unique_ptr<Strategy> make_strategy(const space::SearchSpace& space, const Settings& settings) {
  if (settings.strategy == StrategyKind::random) {
    return std::make_unique<RandomStrategy>(space, settings.run.seed);
  }
  return std::make_unique<ReinforceStrategy>(space, settings.controller, settings.reinforce,
                                             settings.run.seed);
}

void broadcast_state(comm::World& world, Strategy& strategy) {
  for (const auto& array : strategy.state()) world.broadcast(array.bytes());
}

}  // namespace enas::search
