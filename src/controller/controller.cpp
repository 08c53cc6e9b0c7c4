// SPDX-License-Identifier: Apache-2.0
// θ, and sampling and scoring as two ways to go the same walk over a space's decisions.
#include "controller/controller.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "controller/policy.hpp"
#include "controller/scoring.hpp"
#include "controller/walk.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::controller {
namespace {

using space::Decision;

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
  require(std::isfinite(options.init_range) && options.init_range > 0.0, "init_range",
          options.init_range, "positive");
  require(options.skip_target > 0.0 && options.skip_target < 1.0, "skip_target",
          options.skip_target, "between 0 and 1, both excluded");
}

// Tokens of all, [addresses, num_tokens].
template <typename T>
std::vector<std::int32_t> sampled_tokens(const Controller& controller,
                                         std::span<const double> uniforms) {
  const auto num_tokens = static_cast<std::size_t>(controller.space().num_tokens());
  std::vector<std::int32_t> tokens(uniforms.size());
  const std::size_t batch = uniforms.size() / num_tokens;
  Walk<T> walk(controller, static_cast<std::int64_t>(batch), /*keep=*/false);
  for (const Decision& decision : controller.space().decisions()) {
    const auto logits = walk.arrive();
    const auto num_choices = static_cast<std::size_t>(decision.num_choices);
    const auto length = static_cast<std::size_t>(decision.num_tokens());
    for (std::size_t i = 0; i < batch && !logits.empty(); ++i) {
      const std::size_t place = i * num_tokens + static_cast<std::size_t>(decision.token);
      draw_tokens(decision, logits.subspan(i * num_choices, num_choices),
                  uniforms.subspan(place, length), std::span(tokens).subspan(place, length));
    }
    walk.leave(tokens);
  }
  return tokens;
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

std::vector<space::Architecture> Controller::sample(const std::vector<Address>& addresses,
                                                    std::uint64_t seed) const {
  if (addresses.empty()) return {};
  const auto num_tokens = static_cast<std::size_t>(space_.num_tokens());
  std::vector<double> uniforms;
  for (const Address& address : addresses) {
    RandomStream random(seed, address);
    for (std::size_t t = 0; t < num_tokens; ++t) uniforms.push_back(random.next_uniform());
  }
  const auto tokens = in_double() ? sampled_tokens<double>(*this, uniforms)
                                  : sampled_tokens<float>(*this, uniforms);
  std::vector<space::Architecture> sampled;
  for (auto own = tokens.begin(); own != tokens.end(); own += space_.num_tokens()) {
    sampled.push_back({space_.id(), {own, own + space_.num_tokens()}});
  }
  return sampled;
}

Evaluation Controller::evaluate(const std::vector<space::Architecture>& architectures) const {
  expect(!architectures.empty(), "no architectures to evaluate");
  std::vector<std::int32_t> tokens;
  for (const space::Architecture& architecture : architectures) {
    expect(architecture.space_id == space_.id(),
           concat("the controller walks the space '", space_.id(),
                  "', but an architecture is of the space '", architecture.space_id, "'"));
    space_.validate(architecture.tokens);
    tokens.insert(tokens.end(), architecture.tokens.begin(), architecture.tokens.end());
  }
  return in_double() ? score<double>(*this, std::move(tokens))
                     : score<float>(*this, std::move(tokens));
}

bool Controller::in_double() const {
  return parameters_.front().value.scalar_type() == torch::kFloat64;
}

const std::vector<Parameter>& Controller::parameters() const { return parameters_; }

std::int64_t Controller::num_parameters() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.value.numel();
  return count;
}

}  // namespace enas::controller
