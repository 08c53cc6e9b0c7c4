// SPDX-License-Identifier: Apache-2.0
// θ, and sampling and scoring as two ways to go the same walk over a space's decisions.
#include "controller/controller.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "controller/walk.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::controller {
namespace {

using space::Decision;
using space::DecisionKind;

void require_valid(const ControllerOptions& options) {
  const auto require = [](bool condition, std::string_view key, double value,
                          std::string_view allowed) {
    if (condition) return;
    throw ConfigError(concat("controller.", key, " is ", value, ", but must be ", allowed));
  };
  const auto not_negative = [](double value) { return std::isfinite(value) && value >= 0.0; };
  require(options.hidden > 0, "hidden", options.hidden, "at least 1");
  require(not_negative(options.temperature), "temperature", options.temperature,
          "0 (none) or more");
  require(not_negative(options.tanh_constant), "tanh_constant", options.tanh_constant,
          "0 (none) or more");
  require(std::isfinite(options.option_tanh_divisor) && options.option_tanh_divisor > 0.0,
          "option_tanh_divisor", options.option_tanh_divisor, "positive");
  require(not_negative(options.init_range), "init_range", options.init_range, "0 or more");
  require(options.skip_target > 0.0 && options.skip_target < 1.0, "skip_target",
          options.skip_target, "between 0 and 1, both excluded");
}

double finite_probability(double log_probability, const std::string& decision) {
  const double probability = std::exp(log_probability);
  if (std::isfinite(probability)) return probability;
  throw SystemError(concat("the controller's probabilities for '", decision, "' are ", probability,
                           ": its weights have diverged; a lower learning rate "
                           "of the controller avoids that (controller.lr)"),
                    ExitCode::diverged);
}

// First choice whose cumulated probability exceeds `uniform`; rounding goes to the last possible
// one.
std::int64_t choose(std::span<const double> log_probability, double uniform,
                    const std::string& decision) {
  double left = uniform;
  std::int64_t last_possible = -1;
  std::int64_t chosen = -1;
  for (std::size_t k = 0; k < log_probability.size(); ++k) {
    const double probability = finite_probability(log_probability[k], decision);
    if (probability > 0.0) last_possible = static_cast<std::int64_t>(k);
    left -= probability;
    if (chosen < 0 && left < 0.0) chosen = static_cast<std::int64_t>(k);
  }
  return chosen >= 0 ? chosen : last_possible;
}

// [batch, num_choices]: of the choices, or of each bit being 1.
at::Tensor log_probabilities(const Decision& decision, const at::Tensor& logits) {
  if (decision.kind == DecisionKind::subset) return torch::log_sigmoid(2.0 * logits);
  return logits.log_softmax(1);
}

// One token's value: a choice among all, or bit `bit` of a subset.
std::int64_t decide(const Decision& decision, std::span<const double> log_probability, int bit,
                    double uniform) {
  if (decision.kind != DecisionKind::subset) {
    return choose(log_probability, uniform, decision.name);
  }
  const double probability =
      finite_probability(log_probability[static_cast<std::size_t>(bit)], decision.name);
  return uniform < probability ? 1 : 0;
}

// Of bits that are 1 with probability σ(z), each: nats.
at::Tensor bit_entropy(const at::Tensor& z) {
  return -(z.sigmoid() * torch::log_sigmoid(z) + (-z).sigmoid() * torch::log_sigmoid(-z));
}

// KL(σ(z) ‖ target) of bits, each: nats.
at::Tensor bit_divergence(const at::Tensor& z, double target) {
  return -bit_entropy(z) - z.sigmoid() * std::log(target) - (-z).sigmoid() * std::log1p(-target);
}

// Adds a decision to an evaluation. `tokens` are all of them, [num_tokens, batch].
void add_choice(const Decision& decision, const at::Tensor& logits, const at::Tensor& tokens,
                Evaluation& result) {
  const at::Tensor log_probability = logits.log_softmax(1);
  const at::Tensor entropy = -(log_probability.exp() * log_probability).sum(1);
  const at::Tensor choice = tokens[decision.token].unsqueeze(1);
  result.log_probability = result.log_probability + log_probability.gather(1, choice).squeeze(1);
  result.entropy = result.entropy + entropy;
  result.decision_entropy[decision.token] = entropy.detach().mean();
}

// The same for the bits of a subset, which share an evaluation's penalty with num_subsets others.
void add_subset(const Decision& decision, const at::Tensor& logits, const at::Tensor& tokens,
                const ControllerOptions& options, std::int64_t num_subsets, Evaluation& result) {
  const at::Tensor bits = tokens.narrow(0, decision.token, decision.num_choices).t();
  const at::Tensor signs = (2 * bits - 1).to(logits.scalar_type());
  const at::Tensor entropy = bit_entropy(2.0 * logits);
  const double scale = options.skip_penalty == SkipPenalty::sampled ? 2.0 : 1.0;
  const at::Tensor divergence = bit_divergence(scale * logits, options.skip_target);
  result.log_probability =
      result.log_probability + torch::log_sigmoid(signs * (2.0 * logits)).sum(1);
  result.entropy = result.entropy + entropy.sum(1);
  result.skip_penalty = result.skip_penalty + divergence.sum(1) / static_cast<double>(num_subsets);
  result.decision_entropy.narrow(0, decision.token, decision.num_choices)
      .copy_(entropy.detach().mean(0));
}

}  // namespace

Controller::Controller(const space::SearchSpace& space, const ControllerOptions& options,
                       std::uint64_t seed)
    : space_(space), options_(options) {
  require_valid(options);
  const auto add = [&](std::string name, std::int64_t rows, std::int64_t columns) {
    at::Tensor value = torch::empty({rows, columns}, torch::kFloat32);
    RandomStream random(seed,
                        {.purpose = Purpose::controller_weights, .tensor = name_address(name)});
    const auto range = static_cast<float>(options.init_range);
    random.fill_uniform({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())}, -range,
                        range);
    parameters_.push_back({std::move(name), value.requires_grad_(true)});
  };
  const std::int64_t hidden = options.hidden;
  add("lstm", 2 * hidden, 4 * hidden);
  add("start_input", 1, hidden);
  add("option_embedding", space.num_options(), hidden);
  add("attention_anchor", hidden, hidden);
  add("attention_state", hidden, hidden);
  add("attention_vector", hidden, 1);
  if (!options.tie_embeddings) add("option_weight", hidden, space.num_options());
  if (!space.option_bias_start().empty()) {
    const at::Tensor bias = torch::tensor(space.option_bias_start(), torch::kFloat32).unsqueeze(0);
    parameters_.push_back({"option_bias", bias.requires_grad_(true)});
  }
}

Controller::~Controller() = default;

std::vector<space::Architecture> Controller::sample(std::int64_t count, std::uint64_t seed,
                                                    const Address& address) const {
  const torch::NoGradGuard no_grad;
  expect(count >= 0, concat("cannot sample ", count, " architectures"));
  if (count == 0) return {};
  const auto num_tokens = static_cast<std::size_t>(space_.num_tokens());
  std::vector<space::Architecture> sampled(static_cast<std::size_t>(count));
  std::vector<std::vector<double>> uniforms(sampled.size());
  for (std::size_t i = 0; i < sampled.size(); ++i) {
    sampled[i] = {space_.id(), std::vector<std::int32_t>(num_tokens)};
    RandomStream random(seed, {address.purpose, address.index, address.step + i, address.tensor});
    for (std::size_t t = 0; t < num_tokens; ++t) uniforms[i].push_back(random.next_uniform());
  }

  Walk walk(*this, count);
  const at::Tensor tokens = torch::zeros({space_.num_tokens(), count}, torch::kInt64);
  for (const Decision& decision : space_.decisions()) {
    const at::Tensor logits = walk.arrive(decision);
    if (logits.defined()) {
      const at::Tensor log_probability =
          log_probabilities(decision, logits).to(torch::kFloat64).contiguous();
      const auto num_choices = static_cast<std::size_t>(decision.num_choices);
      for (std::size_t i = 0; i < sampled.size(); ++i) {
        const double* row = log_probability.data_ptr<double>() + i * num_choices;
        for (int bit = 0; bit < decision.num_tokens(); ++bit) {
          const int place = decision.token + bit;
          const auto token = static_cast<std::size_t>(place);
          const auto value = decide(decision, {row, num_choices}, bit, uniforms[i][token]);
          tokens.data_ptr<std::int64_t>()[token * sampled.size() + i] = value;
          sampled[i].tokens[token] = static_cast<std::int32_t>(value);
        }
      }
    }
    walk.leave(decision, tokens);
  }
  return sampled;
}

Evaluation Controller::evaluate(const std::vector<space::Architecture>& architectures) const {
  expect(!architectures.empty(), "no architectures to evaluate");
  const auto batch = static_cast<std::int64_t>(architectures.size());
  const std::int64_t num_tokens = space_.num_tokens();
  at::Tensor tokens = torch::empty({num_tokens, batch}, torch::kInt64);
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto& architecture = architectures[static_cast<std::size_t>(i)];
    expect(architecture.space_id == space_.id(),
           concat("the controller walks the space '", space_.id(),
                  "', but an architecture is of the space '", architecture.space_id, "'"));
    space_.validate(architecture.tokens);
    for (std::int64_t t = 0; t < num_tokens; ++t) {
      tokens.data_ptr<std::int64_t>()[t * batch + i] =
          architecture.tokens[static_cast<std::size_t>(t)];
    }
  }

  Walk walk(*this, batch);
  Evaluation result;
  const auto float_options = parameters_.front().value.options();
  result.log_probability = torch::zeros({batch}, float_options);
  result.entropy = torch::zeros({batch}, float_options);
  result.skip_penalty = torch::zeros({batch}, float_options);
  result.decision_entropy = torch::zeros({num_tokens}, float_options);
  const auto is_subset = [](const Decision& d) { return d.kind == DecisionKind::subset; };
  const std::int64_t num_subsets =
      std::count_if(space_.decisions().begin(), space_.decisions().end(), is_subset);
  for (const Decision& decision : space_.decisions()) {
    const at::Tensor logits = walk.arrive(decision);
    if (is_subset(decision)) {
      add_subset(decision, logits, tokens, options_, num_subsets, result);
    } else if (logits.defined()) {
      add_choice(decision, logits, tokens, result);
    }
    walk.leave(decision, tokens);
  }
  return result;
}

const std::vector<Parameter>& Controller::parameters() const { return parameters_; }

std::int64_t Controller::num_parameters() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.value.numel();
  return count;
}

}  // namespace enas::controller
