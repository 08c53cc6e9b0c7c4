// SPDX-License-Identifier: Apache-2.0
#include "search/strategy/reinforce.hpp"

#include <ATen/core/grad_mode.h>

namespace enas::search {

ReinforceStrategy::ReinforceStrategy(const space::SearchSpace& space,
                                     const controller::ControllerOptions& controller,
                                     const controller::ReinforceOptions& reinforce,
                                     std::uint64_t seed)
    : seed_(seed), controller_(space, controller, seed), reinforce_(controller_, reinforce) {}

std::vector<space::Architecture> ReinforceStrategy::propose(
    const std::vector<Address>& addresses) const {
  return controller_.sample(addresses, seed_);
}

LearnReport ReinforceStrategy::learn_on_root(const std::vector<space::Rollout>& rollouts,
                                             const std::vector<double>& rewards) {
  std::vector<controller::ScoredArchitecture> batch;
  batch.reserve(rollouts.size());
  for (std::size_t i = 0; i < rollouts.size(); ++i) {
    batch.push_back(
        {rollouts[i].architecture, rewards[i], rollouts[i].status == space::RolloutStatus::ok});
  }
  const auto step = reinforce_.update(batch);
  return {step.reward,       step.advantage,    step.entropy, reinforce_.state().baseline,
          step.skip_penalty, step.gradient_norm};
}

std::vector<run::NamedArray> ReinforceStrategy::state() {
  std::vector<run::NamedArray> arrays;
  for (const auto& parameter : controller_.parameters()) {
    arrays.push_back(run::named_array("parameters/" + parameter.name, parameter.value));
  }
  auto& state = reinforce_.state();
  for (const auto& moment : state.first_moment) {
    arrays.push_back(run::named_array("first_moment/" + moment.name, moment.value));
  }
  for (const auto& moment : state.second_moment) {
    arrays.push_back(run::named_array("second_moment/" + moment.name, moment.value));
  }
  arrays.push_back({"adam_steps", {1}, std::span<std::int64_t>(&state.adam_steps, 1)});
  arrays.push_back({"baseline", {1}, std::span<double>(&state.baseline, 1)});
  arrays.push_back({"has_baseline", {1}, std::span<std::int64_t>(&state.has_baseline, 1)});
  return arrays;
}

double ReinforceStrategy::log_probability(const space::Architecture& architecture) const {
  const at::NoGradGuard no_grad;
  return controller_.evaluate({architecture}).log_probability.item<double>();
}

std::vector<double> ReinforceStrategy::decision_entropy(
    const std::vector<space::Architecture>& architectures) const {
  const at::NoGradGuard no_grad;
  const auto entropy = controller_.evaluate(architectures).decision_entropy.to(at::kDouble);
  const auto values = entropy.contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

}  // namespace enas::search
