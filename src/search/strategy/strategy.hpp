// SPDX-License-Identifier: Apache-2.0
// What proposes architectures and learns from how they did.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "comm/world.hpp"
#include "core/random.hpp"
#include "run/named_array.hpp"
#include "search/settings.hpp"
#include "space/rollout.hpp"
#include "space/search_space.hpp"

namespace enas::search {

/// What a strategy did with the rollouts of one controller step.
struct LearnReport {
  std::vector<double> reward;  ///< one a rollout, with the entropy bonus where there is one
  std::vector<double> advantage;
  std::vector<double> entropy;  ///< nats, of the policy along the rollout
  double baseline = 0.0;        ///< after the step
  double skip_penalty = 0.0;    ///< mean over the rollouts; 0 in spaces without skips
  double gradient_norm = 0.0;
};

class Strategy {
 public:
  virtual ~Strategy() = default;

  /// One architecture an address, each with the random numbers found there, all in one pass. The
  /// number of addresses must not depend on ranks: batches of other sizes may round otherwise.
  virtual std::vector<space::Architecture> propose(const std::vector<Address>& addresses) const = 0;
  /// `count` architectures at consecutive steps from `first` on.
  std::vector<space::Architecture> propose(std::int64_t count, const Address& first) const {
    return propose(consecutive_steps(first, count));
  }
  /// Rank 0 only. `rewards` are without entropy, one a rollout.
  virtual LearnReport learn_on_root(const std::vector<space::Rollout>& rollouts,
                                    const std::vector<double>& rewards) = 0;
  /// Everything that later proposals and updates depend on, in place and in a fixed order.
  virtual std::vector<run::NamedArray> state() = 0;
  /// Natural logarithm of the probability of proposing this architecture.
  virtual double log_probability(const space::Architecture& architecture) const = 0;
  /// Mean entropy in nats of each token's decision over these architectures.
  virtual std::vector<double> decision_entropy(
      const std::vector<space::Architecture>& architectures) const = 0;
};

/// `space` must outlive the strategy.
std::unique_ptr<Strategy> make_strategy(const space::SearchSpace& space, const Settings& settings);

/// Collective. Gives every rank the strategy's state of rank 0.
void broadcast_state(comm::World& world, Strategy& strategy);

}  // namespace enas::search
