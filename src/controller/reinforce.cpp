// SPDX-License-Identifier: Apache-2.0
// One REINFORCE update: rewards, moving-average baseline, gradient of θ, Adam (Kingma & Ba 2015).
#include "controller/reinforce.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::controller {
namespace {

void require_valid(const ReinforceOptions& options) {
  const auto require = [](bool condition, std::string_view key, double value,
                          std::string_view allowed) {
    if (condition) return;
    throw ConfigError(concat("controller.", key, " is ", value, ", but must be ", allowed));
  };
  const auto is_decay = [](double value) { return value >= 0.0 && value < 1.0; };
  require(std::isfinite(options.lr) && options.lr >= 0.0, "lr", options.lr, "0 or more");
  require(is_decay(options.adam_beta1), "adam_beta1", options.adam_beta1, "in [0, 1)");
  require(is_decay(options.adam_beta2), "adam_beta2", options.adam_beta2, "in [0, 1)");
  require(std::isfinite(options.adam_epsilon) && options.adam_epsilon > 0.0, "adam_epsilon",
          options.adam_epsilon, "positive");
  require(std::isfinite(options.entropy_weight) && options.entropy_weight >= 0.0, "entropy_weight",
          options.entropy_weight, "0 or more");
  require(std::isfinite(options.skip_weight) && options.skip_weight >= 0.0, "skip_weight",
          options.skip_weight, "0 or more");
  require(is_decay(options.baseline_decay), "baseline_decay", options.baseline_decay, "in [0, 1)");
}

std::vector<double> to_doubles(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(torch::kFloat64).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

// Rewards without entropy. An unusable architecture gets the worst usable reward, or NaN when there
// is none.
std::vector<double> learnt_rewards(const std::vector<ScoredArchitecture>& batch) {
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (const ScoredArchitecture& scored : batch) {
    if (!scored.usable) continue;
    expect(std::isfinite(scored.reward),
           concat("a usable architecture has the reward ", scored.reward));
    worst = std::fmin(worst, scored.reward);
  }
  std::vector<double> rewards;
  for (const ScoredArchitecture& scored : batch) {
    rewards.push_back(scored.usable ? scored.reward : worst);
  }
  return rewards;
}

// For each architecture in order: its reward enters the baseline, then its advantage is taken.
void take_advantages(const std::vector<ScoredArchitecture>& batch, double decay,
                     Reinforce::State& state, ReinforceStep& step) {
  for (std::size_t i = 0; i < batch.size() && !state.has_baseline; ++i) {
    if (!batch[i].usable) continue;
    state.baseline = step.reward[i];
    state.has_baseline = true;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].usable) state.baseline += (1.0 - decay) * (step.reward[i] - state.baseline);
    step.baseline.push_back(state.baseline);
    step.advantage.push_back(step.reward[i] - state.baseline);
  }
}

double global_norm(const std::vector<at::Tensor>& gradients) {
  double sum = 0.0;
  for (const at::Tensor& gradient : gradients) {
    sum += gradient.to(torch::kFloat64).square().sum().item<double>();
  }
  return std::sqrt(sum);
}

void adam_step(const std::vector<Parameter>& parameters, const std::vector<at::Tensor>& gradients,
               const ReinforceOptions& options, Reinforce::State& state) {
  const torch::NoGradGuard no_grad;
  ++state.adam_steps;
  const auto steps = static_cast<double>(state.adam_steps);
  const double correction1 = 1.0 - std::pow(options.adam_beta1, steps);
  const double correction2 = 1.0 - std::pow(options.adam_beta2, steps);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& gradient = gradients[i];
    const at::Tensor& first = state.first_moment[i].value;
    const at::Tensor& second = state.second_moment[i].value;
    first.mul_(options.adam_beta1).add_(gradient, 1.0 - options.adam_beta1);
    second.mul_(options.adam_beta2).addcmul_(gradient, gradient, 1.0 - options.adam_beta2);
    const at::Tensor scale = (second / correction2).sqrt_().add_(options.adam_epsilon);
    parameters[i].value.addcdiv_(first, scale, -options.lr / correction1);
  }
}

}  // namespace

Reinforce::Reinforce(Controller& controller, const ReinforceOptions& options)
    : controller_(controller), options_(options) {
  require_valid(options);
  for (const Parameter& parameter : controller.parameters()) {
    state_.first_moment.push_back({parameter.name, torch::zeros_like(parameter.value.detach())});
    state_.second_moment.push_back({parameter.name, torch::zeros_like(parameter.value.detach())});
  }
}

ReinforceStep Reinforce::update(const std::vector<ScoredArchitecture>& batch) {
  const torch::AutoGradMode with_gradients(true);
  std::vector<space::Architecture> architectures;
  for (const ScoredArchitecture& scored : batch) architectures.push_back(scored.architecture);
  const Evaluation evaluation = controller_.evaluate(architectures);

  ReinforceStep step;
  step.entropy = to_doubles(evaluation.entropy);
  step.log_probability = to_doubles(evaluation.log_probability);
  step.decision_entropy = to_doubles(evaluation.decision_entropy);
  step.skip_penalty = evaluation.skip_penalty.mean().item<double>();
  step.reward = learnt_rewards(batch);
  const bool in_reward = options_.entropy_mode == EntropyMode::reward;
  for (std::size_t i = 0; i < batch.size() && in_reward; ++i) {
    step.reward[i] += options_.entropy_weight * step.entropy[i];
  }
  if (std::none_of(batch.begin(), batch.end(), [](const auto& scored) { return scored.usable; })) {
    step.baseline.assign(batch.size(), state_.baseline);
    step.advantage.assign(batch.size(), 0.0);
    return step;
  }
  take_advantages(batch, options_.baseline_decay, state_, step);

  const at::Tensor advantage = torch::tensor(step.advantage, evaluation.log_probability.options());
  at::Tensor loss = -(evaluation.log_probability * advantage).mean();
  loss = loss + options_.skip_weight * evaluation.skip_penalty.mean();
  if (!in_reward) loss = loss - options_.entropy_weight * evaluation.entropy.mean();
  std::vector<at::Tensor> parameters;
  for (const Parameter& parameter : controller_.parameters()) parameters.push_back(parameter.value);
  std::vector<at::Tensor> gradients =
      torch::autograd::grad({loss}, parameters, {}, std::nullopt, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    // A cell of one node has no decision on earlier nodes, so some of θ has no gradient.
    if (!gradients[i].defined()) gradients[i] = torch::zeros_like(parameters[i].detach());
  }
  step.gradient_norm = global_norm(gradients);
  if (!std::isfinite(step.gradient_norm)) {
    throw SystemError(concat("the controller's gradient has the norm ", step.gradient_norm,
                             ": its weights or the rewards have diverged; a lower learning rate of "
                             "the controller avoids that (controller.lr)"),
                      ExitCode::diverged);
  }
  adam_step(controller_.parameters(), gradients, options_, state_);
  return step;
}

}  // namespace enas::controller
