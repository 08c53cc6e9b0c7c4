// SPDX-License-Identifier: Apache-2.0
#include "search/strategy/random.hpp"

#include <cmath>

namespace enas::search {

std::vector<space::Architecture> RandomStrategy::propose(
    const std::vector<Address>& addresses) const {
  std::vector<space::Architecture> architectures;
  architectures.reserve(addresses.size());
  for (const Address& address : addresses) {
    RandomStream random(seed_, address);
    space::Architecture architecture{space_.id(), {}};
    architecture.tokens.resize(static_cast<std::size_t>(space_.num_tokens()));
    for (const auto& decision : space_.decisions()) {
      const auto choices = static_cast<std::uint64_t>(decision.num_values());
      for (int i = 0; i < decision.num_tokens(); ++i) {
        architecture.tokens[static_cast<std::size_t>(decision.token + i)] =
            static_cast<std::int32_t>(random.next_below(choices));
      }
    }
    architectures.push_back(std::move(architecture));
  }
  return architectures;
}

LearnReport RandomStrategy::learn_on_root(const std::vector<space::Rollout>& rollouts,
                                          const std::vector<double>& rewards) {
  LearnReport report;
  report.reward = rewards;
  report.advantage.assign(rollouts.size(), 0.0);
  report.entropy.assign(rollouts.size(), space_.max_entropy());
  return report;
}

double RandomStrategy::log_probability(const space::Architecture&) const {
  return -space_.log_size();
}

std::vector<double> RandomStrategy::decision_entropy(
    const std::vector<space::Architecture>&) const {
  std::vector<double> entropy(static_cast<std::size_t>(space_.num_tokens()), 0.0);
  for (const auto& decision : space_.decisions()) {
    for (int i = 0; i < decision.num_tokens(); ++i) {
      entropy[static_cast<std::size_t>(decision.token + i)] =
          std::log(static_cast<double>(decision.num_values()));
    }
  }
  return entropy;
}

}  // namespace enas::search
