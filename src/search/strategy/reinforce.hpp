// SPDX-License-Identifier: Apache-2.0
// The LSTM controller trained by REINFORCE (Pham et al. 2018, section 2.2).
#pragma once

#include "controller/controller.hpp"
#include "controller/reinforce.hpp"
#include "search/strategy/strategy.hpp"

namespace enas::search {

class ReinforceStrategy final : public Strategy {
 public:
  ReinforceStrategy(const space::SearchSpace& space,
                    const controller::ControllerOptions& controller,
                    const controller::ReinforceOptions& reinforce, std::uint64_t seed);

  using Strategy::propose;
  std::vector<space::Architecture> propose(const std::vector<Address>& addresses) const override;
  LearnReport learn_on_root(const std::vector<space::Rollout>& rollouts,
                            const std::vector<double>& rewards) override;
  std::vector<run::NamedArray> state() override;
  double log_probability(const space::Architecture& architecture) const override;
  std::vector<double> decision_entropy(
      const std::vector<space::Architecture>& architectures) const override;

 private:
  std::uint64_t seed_;
  controller::Controller controller_;
  controller::Reinforce reinforce_;
};

}  // namespace enas::search
