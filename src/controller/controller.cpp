// SPDX-License-Identifier: Apache-2.0
// The controller's LSTM and the one walk over a space's decisions that sampling and scoring share.
#include "controller/controller.hpp"

#include <torch/torch.h>

#include <cmath>
#include <span>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::controller {
namespace {

using space::AnchorAfter;
using space::Decision;
using space::DecisionKind;
using space::NextInput;

// Places of the tensors in parameters(); the last one is missing when embeddings are tied.
enum class Place : std::size_t {
  lstm,
  start_input,
  option_embedding,
  attention_anchor,
  attention_state,
  attention_vector,
  option_weight,
};

// Keeps the chosen anchor's scale finite where the distance could be zero.
constexpr double kAnchorScaleOffset = 0.1;

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
  require(not_negative(options.init_range), "init_range", options.init_range, "0 or more");
}

// First choice whose cumulated probability exceeds `uniform`; rounding goes to the last possible
// one.
std::int64_t choose(std::span<const double> log_probability, double uniform,
                    const std::string& decision) {
  double left = uniform;
  std::int64_t last_possible = -1;
  std::int64_t chosen = -1;
  for (std::size_t k = 0; k < log_probability.size(); ++k) {
    const double probability = std::exp(log_probability[k]);
    if (!std::isfinite(probability)) {
      throw SystemError(
          concat("the controller's probabilities for '", decision, "' are ", probability,
                 ": its weights have diverged; a lower learning rate "
                 "of the controller avoids that (controller.lr)"),
          ExitCode::diverged);
    }
    if (probability > 0.0) last_possible = static_cast<std::int64_t>(k);
    left -= probability;
    if (chosen < 0 && left < 0.0) chosen = static_cast<std::int64_t>(k);
  }
  return chosen >= 0 ? chosen : last_possible;
}

}  // namespace

// The LSTM's state for a batch of architectures on their way through the decisions, in order.
struct Controller::Walk {
  Walk(const Controller& controller, std::int64_t batch)
      : controller_(controller),
        batch_(batch),
        start_(theta(Place::start_input).expand({batch, -1})),
        input_(start_),
        h_(torch::zeros({batch, controller.options_.hidden}, start_.options())),
        c_(h_) {}

  // Takes the decision's controller steps. Returns its logits, [batch, num_choices]; undefined for
  // none.
  at::Tensor arrive(const Decision& decision) {
    for (int i = 0; i < decision.lstm_steps; ++i) step(i == 0 ? input_ : start_);
    switch (decision.kind) {
      case DecisionKind::none:
        return {};
      case DecisionKind::option:
        return bounded(h_.mm(controller_.options_.tie_embeddings
                                 ? theta(Place::option_embedding).t()
                                 : theta(Place::option_weight)));
      case DecisionKind::earlier_node:
        return earlier_node_logits(decision);
    }
    throw ContractError(concat("decision '", decision.name, "' has an unknown kind"));
  }

  // Moves on with the choices made, [batch], int64; unused for none.
  void leave(const Decision& decision, const at::Tensor& choice) {
    switch (decision.next) {
      case NextInput::keep:
        break;
      case NextInput::start:
        input_ = start_;
        break;
      case NextInput::option_embedding:
        input_ = theta(Place::option_embedding).index_select(0, choice);
        break;
      case NextInput::scaled_anchor:
        input_ = scaled_anchor(decision, choice);
        break;
    }
    if (decision.anchor == AnchorAfter::none) return;
    const bool own_state = decision.anchor == AnchorAfter::own_state;
    anchors_.push_back(own_state ? h_ : torch::zeros_like(h_));
    keys_.push_back(own_state ? h_.mm(theta(Place::attention_anchor)) : anchors_.back());
  }

 private:
  const at::Tensor& theta(Place place) const {
    return controller_.parameters_[static_cast<std::size_t>(place)].value;
  }

  void step(const at::Tensor& input) {
    const auto gates = torch::cat({input, h_}, 1).mm(theta(Place::lstm)).chunk(4, 1);  // i, f, o, g
    c_ = gates[0].sigmoid() * gates[3].tanh() + gates[1].sigmoid() * c_;
    h_ = gates[2].sigmoid() * c_.tanh();
  }

  at::Tensor bounded(at::Tensor logits) const {
    const ControllerOptions& options = controller_.options_;
    if (options.temperature > 0.0) logits = logits / options.temperature;
    if (options.tanh_constant > 0.0) logits = options.tanh_constant * logits.tanh();
    return logits;
  }

  at::Tensor earlier_node_logits(const Decision& decision) const {
    const at::Tensor keys = stacked(keys_, decision.num_choices);  // [batch, candidates, H]
    const at::Tensor query = h_.mm(theta(Place::attention_state)).unsqueeze(1);
    const at::Tensor scores =
        (query + keys).tanh().matmul(theta(Place::attention_vector)).squeeze(2);
    const auto newest = static_cast<std::int64_t>(anchors_.size());
    const at::Tensor distance =
        torch::arange(newest, newest - decision.num_choices, -1, h_.options());
    return bounded(scores) - decision.distance_penalty * distance.square();
  }

  at::Tensor scaled_anchor(const Decision& decision, const at::Tensor& choice) const {
    const at::Tensor index = choice.view({batch_, 1, 1}).expand({batch_, 1, h_.size(1)});
    const at::Tensor anchor = stacked(anchors_, decision.num_choices).gather(1, index).squeeze(1);
    const at::Tensor distance = (static_cast<std::int64_t>(anchors_.size()) - choice).unsqueeze(1);
    return anchor / (distance.to(h_.scalar_type()) + kAnchorScaleOffset);
  }

  static at::Tensor stacked(const std::vector<at::Tensor>& tensors, int count) {
    return torch::stack(at::TensorList(tensors.data(), static_cast<std::size_t>(count)), 1);
  }

  const Controller& controller_;
  std::int64_t batch_;
  at::Tensor start_;  // [batch, H], like all below
  at::Tensor input_;
  at::Tensor h_;
  at::Tensor c_;
  std::vector<at::Tensor> anchors_;
  std::vector<at::Tensor> keys_;
};

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
  const at::Tensor choice = torch::zeros({count}, torch::kInt64);
  for (const Decision& decision : space_.decisions()) {
    const at::Tensor logits = walk.arrive(decision);
    if (logits.defined()) {
      const at::Tensor log_probability = logits.log_softmax(1).to(torch::kFloat64).contiguous();
      const auto token = static_cast<std::size_t>(decision.token);
      const auto num_choices = static_cast<std::size_t>(decision.num_choices);
      for (std::size_t i = 0; i < sampled.size(); ++i) {
        const double* row = log_probability.data_ptr<double>() + i * num_choices;
        const auto chosen = choose({row, num_choices}, uniforms[i][token], decision.name);
        choice.data_ptr<std::int64_t>()[i] = chosen;
        sampled[i].tokens[token] = static_cast<std::int32_t>(chosen);
      }
    }
    walk.leave(decision, choice);
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
  result.decision_entropy = torch::zeros({num_tokens}, float_options);
  for (const Decision& decision : space_.decisions()) {
    const at::Tensor logits = walk.arrive(decision);
    const at::Tensor choice = logits.defined() ? tokens[decision.token] : at::Tensor();
    if (logits.defined()) {
      const at::Tensor log_probability = logits.log_softmax(1);
      const at::Tensor entropy = -(log_probability.exp() * log_probability).sum(1);
      result.log_probability =
          result.log_probability + log_probability.gather(1, choice.unsqueeze(1)).squeeze(1);
      result.entropy = result.entropy + entropy;
      result.decision_entropy[decision.token] = entropy.detach().mean();
    }
    walk.leave(decision, choice);
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
