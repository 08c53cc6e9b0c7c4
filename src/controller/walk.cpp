// SPDX-License-Identifier: Apache-2.0
// Controller steps, logits, and what the controller reads and remembers next.
#include "controller/walk.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace enas::controller {
namespace {

using space::AnchorAfter;
using space::Decision;
using space::DecisionKind;
using space::NextInput;

// Keeps the chosen anchor's scale finite where the distance could be zero.
constexpr double kAnchorScaleOffset = 0.1;

}  // namespace

void anchor_shares(const Decision& decision, int num_anchors, std::span<const std::int32_t> tokens,
                   std::vector<AnchorShare>& shares) {
  shares.clear();
  const std::int32_t* const chosen = tokens.data() + decision.token;
  if (decision.next == NextInput::anchor || decision.next == NextInput::scaled_anchor) {
    const double distance = num_anchors - decision.first_anchor - chosen[0];
    const bool scaled = decision.next == NextInput::scaled_anchor;
    shares.push_back(
        {decision.first_anchor + chosen[0], scaled ? 1.0 / (distance + kAnchorScaleOffset) : 1.0});
  } else if (decision.next == NextInput::mean_anchor) {
    const double factor =
        1.0 / (1.0 + static_cast<double>(std::count(chosen, chosen + decision.num_choices, 1)));
    for (int j = 0; j < decision.num_choices; ++j) {
      if (chosen[j] == 1) shares.push_back({decision.first_anchor + j, factor});
    }
  }
}

template <typename T>
Walk<T>::Walk(const Controller& controller, std::int64_t batch, bool keep)
    : controller_(controller),
      space_(controller.space()),
      batch_(batch),
      hidden_(controller.options().hidden),
      keep_(keep) {
  for (const Parameter& parameter : controller.parameters()) {
    theta_.push_back(parameter.value.detach());
  }
  std::int64_t num_steps = 0;
  std::int64_t num_anchors = 0;
  for (const Decision& decision : space_.decisions()) {
    num_steps += decision.lstm_steps;
    num_anchors += decision.anchor != AnchorAfter::none;
  }
  const auto options = theta_.front().options();
  const std::int64_t before = keep ? num_steps + 1 : 1;
  const std::int64_t during = keep ? num_steps : 1;
  record_.reads = at::zeros({before, batch, 2 * hidden_}, options);
  record_.gates = at::empty({during, batch, 4 * hidden_}, options);
  record_.cells = at::zeros({before, batch, hidden_}, options);
  record_.tanh_cells = at::empty({during, batch, hidden_}, options);
  record_.anchors = at::zeros({num_anchors, batch, hidden_}, options);
  record_.keys = at::zeros({num_anchors, batch, hidden_}, options);
  record_.attention.resize(space_.decisions().size());
  record_.slopes.resize(space_.decisions().size());
  input_ = at::empty({batch, hidden_}, options);
}

template <typename T>
std::span<const double> Walk<T>::arrive() {
  const Decision& now = decision();
  for (int i = 0; i < now.lstm_steps; ++i) {
    const bool start = i > 0 || source_ < 0;
    record_.sources.push_back(start ? -1 : source_);
    step((start ? theta(Place::start_input) : input_).template const_data_ptr<T>(),
         start ? 0 : hidden_);
  }
  logits_.resize(static_cast<std::size_t>(batch_ * now.num_choices));
  if (now.kind == DecisionKind::none) {
    logits_.clear();
  } else if (now.kind == DecisionKind::option) {
    option_logits();
  } else {
    attention_logits();
  }
  return logits_;
}

template <typename T>
void Walk<T>::leave(std::span<const std::int32_t> tokens) {
  const Decision& now = decision();
  choose_input(tokens);
  if (now.anchor != AnchorAfter::none) {
    if (now.anchor == AnchorAfter::own_state) record_.anchors.select(0, anchors_).copy_(state());
    if (now.anchor != AnchorAfter::zero) {
      at::Tensor key = record_.keys.select(0, anchors_);
      at::mm_out(key, state(), theta(Place::attention_anchor));
    }
    ++anchors_;
  }
  ++decision_;
}

template <typename T>
const Decision& Walk<T>::decision() const {
  return space_.decisions()[static_cast<std::size_t>(decision_)];
}

template <typename T>
const at::Tensor& Walk<T>::theta(Place place) const {
  return theta_[static_cast<std::size_t>(place)];
}

template <typename T>
at::Tensor Walk<T>::state() const {
  return record_.reads.select(0, keep_ ? steps_ : 0).narrow(1, hidden_, hidden_);
}

// Row b of the batch starts at input + b * row_pitch.
template <typename T>
void Walk<T>::step(const T* input, std::int64_t row_pitch) {
  const std::int64_t now = keep_ ? steps_ : 0;
  const std::int64_t next = keep_ ? steps_ + 1 : 0;
  const std::int64_t hidden = hidden_;
  const at::Tensor read = record_.reads.select(0, now);
  for (std::int64_t b = 0; b < batch_; ++b) {
    std::copy_n(input + b * row_pitch, hidden, read.data_ptr<T>() + b * 2 * hidden);
  }
  at::Tensor gates = record_.gates.select(0, now);
  at::mm_out(gates, read, theta(Place::lstm));
  gates.narrow(1, 0, 3 * hidden).sigmoid_();
  gates.narrow(1, 3 * hidden, hidden).tanh_();

  const at::Tensor tanh_cell = record_.tanh_cells.select(0, now);
  const T* const old_cell = record_.cells.select(0, now).const_data_ptr<T>();
  T* const new_cell = record_.cells.select(0, next).data_ptr<T>();
  T* const squashed = tanh_cell.data_ptr<T>();
  for (std::int64_t b = 0; b < batch_; ++b) {
    const T* const gate = gates.const_data_ptr<T>() + b * 4 * hidden;
    for (std::int64_t k = 0; k < hidden; ++k) {
      const T cell = gate[k] * gate[3 * hidden + k] + gate[hidden + k] * old_cell[b * hidden + k];
      new_cell[b * hidden + k] = cell;
      squashed[b * hidden + k] = cell;
    }
  }
  tanh_cell.tanh_();
  T* const state = record_.reads.select(0, next).data_ptr<T>() + hidden;
  for (std::int64_t b = 0; b < batch_; ++b) {
    const T* const out = gates.const_data_ptr<T>() + b * 4 * hidden + 2 * hidden;
    for (std::int64_t k = 0; k < hidden; ++k) {
      state[b * 2 * hidden + k] = out[k] * squashed[b * hidden + k];
    }
  }
  ++steps_;
}

// The logit is c tanh(score / temperature) + offset, with either step left out where it is 0.
template <typename T>
void Walk<T>::set_logit(std::size_t place, double score, double tanh_constant, double offset) {
  const double temperature = controller_.options().temperature;
  double slope = temperature > 0.0 ? 1.0 / temperature : 1.0;
  double logit = score * slope;
  if (tanh_constant > 0.0) {
    const double squashed = std::tanh(logit);
    logit = tanh_constant * squashed;
    slope *= tanh_constant * (1.0 - squashed * squashed);
  }
  logits_[place] = logit + offset;
  if (keep_) record_.slopes[static_cast<std::size_t>(decision_)].push_back(slope);
}

template <typename T>
void Walk<T>::option_logits() {
  const ControllerOptions& options = controller_.options();
  const Decision& now = decision();
  const auto own = [&now](const at::Tensor& of_all, int dimension) {
    return of_all.narrow(dimension, now.first_option, now.num_choices);
  };
  const at::Tensor scores =
      state().mm(options.tie_embeddings ? own(theta(Place::option_embedding), 0).t()
                                        : own(theta(Place::option_weight), 1));
  const T* const bias = space_.option_bias_start().empty()
                            ? nullptr
                            : theta_.back().template const_data_ptr<T>() + now.first_option;
  const double tanh_constant = options.tanh_constant / options.option_tanh_divisor;
  const auto num_choices = static_cast<std::size_t>(now.num_choices);
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    const std::size_t k = i % num_choices;
    const double score = scores.template const_data_ptr<T>()[i] + (bias ? bias[k] : T{0});
    set_logit(i, score, tanh_constant, now.logit_bias.empty() ? 0.0 : now.logit_bias[k]);
  }
}

// vᵀ tanh(W2 h + W1 h_j) for every candidate j.
template <typename T>
void Walk<T>::attention_logits() {
  const Decision& now = decision();
  const at::Tensor query = state().mm(theta(Place::attention_state));
  const at::Tensor hidden_layer =
      record_.keys.narrow(0, now.first_anchor, now.num_choices).add(query).tanh_();
  const at::Tensor scores = hidden_layer.view({-1, hidden_})
                                .mv(theta(Place::attention_vector).squeeze(1));  // [choices · B]
  if (keep_) record_.attention[static_cast<std::size_t>(decision_)] = hidden_layer;
  const std::int64_t farthest = anchors_ - now.first_anchor;
  for (std::int64_t b = 0; b < batch_; ++b) {
    for (std::int64_t j = 0; j < now.num_choices; ++j) {
      const auto distance = static_cast<double>(farthest - j);
      set_logit(static_cast<std::size_t>(b * now.num_choices + j),
                scores.template const_data_ptr<T>()[j * batch_ + b],
                controller_.options().tanh_constant, -now.distance_penalty * distance * distance);
    }
  }
}

template <typename T>
void Walk<T>::choose_input(std::span<const std::int32_t> tokens) {
  const Decision& now = decision();
  if (now.next == NextInput::keep) return;
  source_ = now.next == NextInput::start ? -1 : decision_;
  if (source_ < 0) return;
  const auto num_tokens = static_cast<std::size_t>(space_.num_tokens());
  std::vector<AnchorShare> shares;
  for (std::int64_t b = 0; b < batch_; ++b) {
    const auto own = tokens.subspan(static_cast<std::size_t>(b) * num_tokens, num_tokens);
    T* const row = input_.data_ptr<T>() + b * hidden_;
    if (now.next == NextInput::option_embedding) {
      const std::int64_t option = now.first_option + own[static_cast<std::size_t>(now.token)];
      const T* const embedding = theta(Place::option_embedding).template const_data_ptr<T>();
      std::copy_n(embedding + option * hidden_, hidden_, row);
      continue;
    }
    std::fill_n(row, hidden_, T{0});
    anchor_shares(now, static_cast<int>(anchors_), own, shares);
    for (const AnchorShare& share : shares) {
      const T* const anchor =
          record_.anchors.template const_data_ptr<T>() + (share.anchor * batch_ + b) * hidden_;
      const T factor = static_cast<T>(share.factor);
      for (std::int64_t k = 0; k < hidden_; ++k) row[k] += factor * anchor[k];
    }
  }
}

template class Walk<float>;
template class Walk<double>;

}  // namespace enas::controller
