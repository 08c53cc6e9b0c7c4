// SPDX-License-Identifier: Apache-2.0
// Controller steps, logits, and what the controller reads and remembers next.
#include "controller/walk.hpp"

#include <torch/torch.h>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::controller {
namespace {

using space::AnchorAfter;
using space::Decision;
using space::DecisionKind;
using space::NextInput;

// Keeps the chosen anchor's scale finite where the distance could be zero.
constexpr double kAnchorScaleOffset = 0.1;

// Of the decision's candidates, [batch, candidates, H].
at::Tensor stacked(const std::vector<at::Tensor>& tensors, const Decision& decision) {
  return torch::stack(at::TensorList(tensors.data() + decision.first_anchor,
                                     static_cast<std::size_t>(decision.num_choices)),
                      1);
}

}  // namespace

Walk::Walk(const Controller& controller, std::int64_t batch)
    : controller_(controller),
      batch_(batch),
      start_(theta(Place::start_input).expand({batch, -1})),
      input_(start_),
      h_(torch::zeros({batch, controller.options().hidden}, start_.options())),
      c_(h_) {}

at::Tensor Walk::arrive(const Decision& decision) {
  for (int i = 0; i < decision.lstm_steps; ++i) step(i == 0 ? input_ : start_);
  switch (decision.kind) {
    case DecisionKind::none:
      return {};
    case DecisionKind::option:
      return option_logits(decision);
    case DecisionKind::earlier_node:
      return attention_scores(decision) - distance_penalty(decision);
    case DecisionKind::subset:
      return attention_scores(decision);
  }
  throw ContractError(concat("decision '", decision.name, "' has an unknown kind"));
}

void Walk::leave(const Decision& decision, const at::Tensor& tokens) {
  const auto choice = [&] { return tokens[decision.token]; };
  switch (decision.next) {
    case NextInput::keep:
      break;
    case NextInput::start:
      input_ = start_;
      break;
    case NextInput::option_embedding:
      input_ = theta(Place::option_embedding).index_select(0, choice());
      break;
    case NextInput::scaled_anchor:
      input_ = scaled_anchor(decision, choice());
      break;
    case NextInput::anchor:
      input_ = chosen_anchor(decision, choice());
      break;
    case NextInput::mean_anchor:
      input_ = mean_anchor(decision, tokens);
      break;
  }
  if (decision.anchor == AnchorAfter::none) return;
  const bool own_state = decision.anchor == AnchorAfter::own_state;
  const bool has_key = decision.anchor != AnchorAfter::zero;
  anchors_.push_back(own_state ? h_ : torch::zeros_like(h_));
  keys_.push_back(has_key ? h_.mm(theta(Place::attention_anchor)) : anchors_.back());
}

const at::Tensor& Walk::theta(Place place) const {
  return controller_.parameters()[static_cast<std::size_t>(place)].value;
}

void Walk::step(const at::Tensor& input) {
  const auto gates = torch::cat({input, h_}, 1).mm(theta(Place::lstm)).chunk(4, 1);  // i, f, o, g
  c_ = gates[0].sigmoid() * gates[3].tanh() + gates[1].sigmoid() * c_;
  h_ = gates[2].sigmoid() * c_.tanh();
}

at::Tensor Walk::bounded(at::Tensor logits, double tanh_constant) const {
  const double temperature = controller_.options().temperature;
  if (temperature > 0.0) logits = logits / temperature;
  if (tanh_constant > 0.0) logits = tanh_constant * logits.tanh();
  return logits;
}

at::Tensor Walk::option_logits(const Decision& decision) const {
  const ControllerOptions& options = controller_.options();
  at::Tensor logits = h_.mm(options.tie_embeddings ? theta(Place::option_embedding).t()
                                                   : theta(Place::option_weight));
  if (!controller_.space().option_bias_start().empty()) {
    logits = logits + controller_.parameters().back().value;
  }
  logits = bounded(logits, options.tanh_constant / options.option_tanh_divisor);
  if (decision.logit_bias.empty()) return logits;
  return logits + torch::tensor(decision.logit_bias, logits.options());
}

at::Tensor Walk::attention_scores(const Decision& decision) const {
  const at::Tensor keys = stacked(keys_, decision);
  const at::Tensor query = h_.mm(theta(Place::attention_state)).unsqueeze(1);
  const at::Tensor scores = (query + keys).tanh().matmul(theta(Place::attention_vector)).squeeze(2);
  return bounded(scores, controller_.options().tanh_constant);
}

at::Tensor Walk::distance_penalty(const Decision& decision) const {
  const auto farthest = static_cast<std::int64_t>(anchors_.size()) - decision.first_anchor;
  const at::Tensor distance =
      torch::arange(farthest, farthest - decision.num_choices, -1, h_.options());
  return decision.distance_penalty * distance.square();
}

at::Tensor Walk::chosen_anchor(const Decision& decision, const at::Tensor& choice) const {
  const at::Tensor index = choice.view({batch_, 1, 1}).expand({batch_, 1, h_.size(1)});
  return stacked(anchors_, decision).gather(1, index).squeeze(1);
}

at::Tensor Walk::scaled_anchor(const Decision& decision, const at::Tensor& choice) const {
  const auto farthest = static_cast<std::int64_t>(anchors_.size()) - decision.first_anchor;
  const at::Tensor distance = (farthest - choice).unsqueeze(1);
  return chosen_anchor(decision, choice) / (distance.to(h_.scalar_type()) + kAnchorScaleOffset);
}

at::Tensor Walk::mean_anchor(const Decision& decision, const at::Tensor& tokens) const {
  const at::Tensor bits =
      tokens.narrow(0, decision.token, decision.num_choices).t().to(h_.scalar_type());
  const at::Tensor sum = bits.unsqueeze(1).matmul(stacked(anchors_, decision)).squeeze(1);
  return sum / (bits.sum(1, /*keepdim=*/true) + 1.0);
}

}  // namespace enas::controller
