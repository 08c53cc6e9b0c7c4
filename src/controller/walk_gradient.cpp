// SPDX-License-Identifier: Apache-2.0
// Decisions and controller steps in reverse order. The LSTM's weight gradient is one product over
// all steps at the end.
#include <torch/torch.h>

#include <algorithm>

#include "controller/walk.hpp"

namespace enas::controller {
namespace {

using space::AnchorAfter;
using space::Decision;
using space::DecisionKind;
using space::NextInput;

template <typename T>
class BackwardWalk {
 public:
  BackwardWalk(const Controller& controller, const WalkRecord& record,
               std::span<const std::int32_t> tokens)
      : controller_(controller),
        space_(controller.space()),
        record_(record),
        tokens_(tokens),
        batch_(record.cells.size(1)),
        hidden_(record.cells.size(2)),
        step_(record.gates.size(0)),
        anchor_(record.anchors.size(0)),
        gates_(at::empty_like(record.gates)),
        read_(at::empty_like(record.reads[0])),
        state_(at::zeros_like(record.cells[0])),
        cell_(at::zeros_like(state_)),
        anchors_(at::zeros_like(record.anchors)),
        keys_(at::zeros_like(record.keys)) {
    for (const Parameter& parameter : controller.parameters()) {
      theta_.push_back(parameter.value.detach());
      gradients_.push_back(at::zeros_like(theta_.back()));
    }
  }

  std::vector<at::Tensor> go(const std::vector<std::vector<double>>& logit_gradients) {
    const auto& decisions = space_.decisions();
    for (std::size_t i = decisions.size(); i-- > 0;) {
      const Decision& decision = decisions[i];
      forget_anchor(decision);
      if (decision.kind == DecisionKind::option) option_logits(decision, i, logit_gradients[i]);
      if (decision.kind == DecisionKind::earlier_node || decision.kind == DecisionKind::subset) {
        attention_logits(decision, i, logit_gradients[i]);
      }
      for (int taken = 0; taken < decision.lstm_steps; ++taken) undo_step();
    }
    const std::int64_t steps = gates_.size(0);
    if (steps > 0) {
      const at::Tensor reads = record_.reads.narrow(0, 0, steps).view({-1, 2 * hidden_});
      at::mm_out(gradient(Place::lstm), reads.t(), gates_.view({-1, 4 * hidden_}));
    }
    return gradients_;
  }

 private:
  const at::Tensor& theta(Place place) const { return theta_[static_cast<std::size_t>(place)]; }
  at::Tensor& gradient(Place place) { return gradients_[static_cast<std::size_t>(place)]; }
  // h after `step_` steps, [B, H].
  at::Tensor state() const { return record_.reads.select(0, step_).narrow(1, hidden_, hidden_); }

  void forget_anchor(const Decision& decision) {
    if (decision.anchor == AnchorAfter::none) return;
    --anchor_;
    if (decision.anchor == AnchorAfter::own_state) state_.add_(anchors_.select(0, anchor_));
    if (decision.anchor == AnchorAfter::zero) return;
    const at::Tensor key = keys_.select(0, anchor_);
    state_.addmm_(key, theta(Place::attention_anchor).t());
    gradient(Place::attention_anchor).addmm_(state().t(), key);
  }

  // Gradients of the scores from which a decision's logits were made, [B, choices].
  at::Tensor score_gradient(const Decision& decision, std::size_t index,
                            const std::vector<double>& logit_gradient) const {
    at::Tensor scores = at::empty({batch_, decision.num_choices}, state_.options());
    const std::vector<double>& slopes = record_.slopes[index];
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      scores.data_ptr<T>()[i] = static_cast<T>(logit_gradient[i] * slopes[i]);
    }
    return scores;
  }

  void option_logits(const Decision& decision, std::size_t index,
                     const std::vector<double>& logit_gradient) {
    const at::Tensor scores = score_gradient(decision, index, logit_gradient);
    const auto own = [&decision](const at::Tensor& of_all, int dimension) {
      return of_all.narrow(dimension, decision.first_option, decision.num_choices);
    };
    if (controller_.options().tie_embeddings) {
      state_.addmm_(scores, own(theta(Place::option_embedding), 0));
      own(gradient(Place::option_embedding), 0).addmm_(scores.t(), state());
    } else {
      state_.addmm_(scores, own(theta(Place::option_weight), 1).t());
      own(gradient(Place::option_weight), 1).addmm_(state().t(), scores);
    }
    if (!space_.option_bias_start().empty()) own(gradients_.back(), 1).add_(scores.sum(0));
  }

  void attention_logits(const Decision& decision, std::size_t index,
                        const std::vector<double>& logit_gradient) {
    const at::Tensor scores = score_gradient(decision, index, logit_gradient);
    const at::Tensor query = at::zeros_like(state_);
    const T* const vector = theta(Place::attention_vector).template const_data_ptr<T>();
    T* const vector_gradient = gradient(Place::attention_vector).template data_ptr<T>();
    for (std::int64_t j = 0; j < decision.num_choices; ++j) {
      T* const keys = keys_.data_ptr<T>() + (decision.first_anchor + j) * batch_ * hidden_;
      const T* const squashed =
          record_.attention[index].template const_data_ptr<T>() + j * batch_ * hidden_;
      for (std::int64_t b = 0; b < batch_; ++b) {
        const T score = scores.const_data_ptr<T>()[b * decision.num_choices + j];
        T* const row = query.data_ptr<T>() + b * hidden_;
        for (std::int64_t k = 0; k < hidden_; ++k) {
          const T value = squashed[b * hidden_ + k];
          const T slope = score * vector[k] * (T{1} - value * value);
          row[k] += slope;
          keys[b * hidden_ + k] += slope;
          vector_gradient[k] += score * value;
        }
      }
    }
    state_.addmm_(query, theta(Place::attention_state).t());
    gradient(Place::attention_state).addmm_(state().t(), query);
  }

  // From the gradients of state and cell after a step to those before it.
  void undo_step() {
    --step_;
    at::Tensor gates = gates_.select(0, step_);
    through_gates(gates.data_ptr<T>());
    at::mm_out(read_, gates, theta(Place::lstm).t());
    give_input(record_.sources[static_cast<std::size_t>(step_)]);
    state_.copy_(read_.narrow(1, hidden_, hidden_));
  }

  void through_gates(T* to) {
    const T* const gates = record_.gates.select(0, step_).const_data_ptr<T>();
    const T* const old_cell = record_.cells.select(0, step_).const_data_ptr<T>();
    const T* const tanh_cell = record_.tanh_cells.select(0, step_).const_data_ptr<T>();
    const T* const state = state_.const_data_ptr<T>();
    T* const cell = cell_.data_ptr<T>();
    const std::int64_t hidden = hidden_;
    for (std::int64_t b = 0; b < batch_; ++b) {
      const T* const gate = gates + b * 4 * hidden;
      T* const slope = to + b * 4 * hidden;
      for (std::int64_t k = 0; k < hidden; ++k) {
        const std::int64_t place = b * hidden + k;
        const T in = gate[k];
        const T forget = gate[hidden + k];
        const T out = gate[2 * hidden + k];
        const T content = gate[3 * hidden + k];
        const T squashed = tanh_cell[place];
        const T total = cell[place] + state[place] * out * (T{1} - squashed * squashed);
        slope[k] = total * content * in * (T{1} - in);
        slope[hidden + k] = total * old_cell[place] * forget * (T{1} - forget);
        slope[2 * hidden + k] = state[place] * squashed * out * (T{1} - out);
        slope[3 * hidden + k] = total * in * (T{1} - content * content);
        cell[place] = total * forget;
      }
    }
  }

  // Adds the left half of read_, the gradient of the step's input, to all that made up the input.
  void give_input(int source) {
    const auto num_tokens = static_cast<std::size_t>(space_.num_tokens());
    std::vector<AnchorShare> shares;
    for (std::int64_t b = 0; b < batch_; ++b) {
      const T* const row = read_.const_data_ptr<T>() + b * 2 * hidden_;
      if (source < 0) {
        add(row, T{1}, gradient(Place::start_input).template data_ptr<T>());
        continue;
      }
      const Decision& decision = space_.decisions()[static_cast<std::size_t>(source)];
      const auto own = tokens_.subspan(static_cast<std::size_t>(b) * num_tokens, num_tokens);
      if (decision.next == NextInput::option_embedding) {
        const std::int64_t option =
            decision.first_option + own[static_cast<std::size_t>(decision.token)];
        add(row, T{1}, gradient(Place::option_embedding).template data_ptr<T>() + option * hidden_);
        continue;
      }
      anchor_shares(decision, space_.anchors_before(source), own, shares);
      for (const AnchorShare& share : shares) {
        add(row, static_cast<T>(share.factor),
            anchors_.data_ptr<T>() + (share.anchor * batch_ + b) * hidden_);
      }
    }
  }

  void add(const T* row, T factor, T* to) const {
    for (std::int64_t k = 0; k < hidden_; ++k) to[k] += factor * row[k];
  }

  const Controller& controller_;
  const space::SearchSpace& space_;
  const WalkRecord& record_;
  std::span<const std::int32_t> tokens_;
  std::int64_t batch_;
  std::int64_t hidden_;
  std::int64_t step_;
  std::int64_t anchor_;
  std::vector<at::Tensor> theta_;
  std::vector<at::Tensor> gradients_;  // of θ
  at::Tensor gates_;                   // of all steps, before their activations: [S, B, 4H]
  at::Tensor read_;                    // of a step's input and state, [B, 2H]
  at::Tensor state_;                   // of h and c where the way back stands, [B, H]
  at::Tensor cell_;
  at::Tensor anchors_;  // [A, B, H]
  at::Tensor keys_;
};

}  // namespace

template <typename T>
std::vector<at::Tensor> walk_gradient(const Controller& controller, const WalkRecord& record,
                                      std::span<const std::int32_t> tokens,
                                      const std::vector<std::vector<double>>& logit_gradients) {
  const torch::NoGradGuard no_grad;
  return BackwardWalk<T>(controller, record, tokens).go(logit_gradients);
}

template std::vector<at::Tensor> walk_gradient<float>(const Controller&, const WalkRecord&,
                                                      std::span<const std::int32_t>,
                                                      const std::vector<std::vector<double>>&);
template std::vector<at::Tensor> walk_gradient<double>(const Controller&, const WalkRecord&,
                                                       std::span<const std::int32_t>,
                                                       const std::vector<std::vector<double>>&);

}  // namespace enas::controller
