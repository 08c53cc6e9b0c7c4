// SPDX-License-Identifier: Apache-2.0
// Uniform choices: the baseline that every search is held against (Li & Talwalkar 2019).
#pragma once

#include "search/strategy/strategy.hpp"

namespace enas::search {

class RandomStrategy final : public Strategy {
 public:
  RandomStrategy(const space::SearchSpace& space, std::uint64_t seed)
      : space_(space), seed_(seed) {}

  using Strategy::propose;
  std::vector<space::Architecture> propose(const std::vector<Address>& addresses) const override;
  LearnReport learn_on_root(const std::vector<space::Rollout>& rollouts,
                            const std::vector<double>& rewards) override;
  std::vector<run::NamedArray> state() override { return {}; }
  double log_probability(const space::Architecture& architecture) const override;
  std::vector<double> decision_entropy(
      const std::vector<space::Architecture>& architectures) const override;

 private:
  const space::SearchSpace& space_;
  std::uint64_t seed_;
};

}  // namespace enas::search
