// SPDX-License-Identifier: Apache-2.0
// A scored walk as one differentiable function of θ.
#include "controller/scoring.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <utility>

#include "controller/policy.hpp"
#include "controller/walk.hpp"

namespace enas::controller {
namespace {

using space::Decision;
using space::DecisionKind;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Walks the decisions, adds up scores, and keeps what their gradients need.
template <typename T>
class Scoring : public torch::CustomClassHolder {
 public:
  // `tokens` are [architectures, num_tokens].
  Scoring(const Controller& controller, std::vector<std::int32_t> tokens, bool with_gradients);

  // [3, architectures]: log-probabilities, entropies, penalties.
  at::Tensor totals() const;
  // For each token the mean over architectures.
  at::Tensor decision_entropy() const;
  // Gradients of θ, from those of totals().
  variable_list gradients(const at::Tensor& total_gradients) const;

 private:
  struct Slopes {
    std::vector<double> log_probability, entropy, skip_penalty;
  };
  void score(const Decision& decision, const SkipRule& rule, std::span<const double> logits,
             Slopes& slopes);

  const Controller& controller_;
  std::vector<std::int32_t> tokens_;
  std::size_t batch_;
  Walk<T> walk_;
  std::vector<Scores> scores_;         // one an architecture
  std::vector<double> token_entropy_;  // sums over architectures
  std::vector<Slopes> slopes_;         // of each decision's logits
};

SkipRule skip_rule(const space::SearchSpace& space, const ControllerOptions& options) {
  const auto is_subset = [](const Decision& d) { return d.kind == DecisionKind::subset; };
  const auto subsets = std::count_if(space.decisions().begin(), space.decisions().end(), is_subset);
  return {options.skip_penalty == SkipPenalty::sampled ? 2.0 : 1.0, options.skip_target,
          1.0 / static_cast<double>(std::max<std::ptrdiff_t>(subsets, 1))};
}

template <typename T>
Scoring<T>::Scoring(const Controller& controller, std::vector<std::int32_t> tokens,
                    bool with_gradients)
    : controller_(controller),
      tokens_(std::move(tokens)),
      batch_(tokens_.size() / static_cast<std::size_t>(controller.space().num_tokens())),
      walk_(controller, static_cast<std::int64_t>(batch_), with_gradients),
      scores_(batch_),
      token_entropy_(static_cast<std::size_t>(controller.space().num_tokens())) {
  const SkipRule rule = skip_rule(controller.space(), controller.options());
  for (const Decision& decision : controller.space().decisions()) {
    score(decision, rule, walk_.arrive(), slopes_.emplace_back());
    walk_.leave(tokens_);
  }
}

template <typename T>
void Scoring<T>::score(const Decision& decision, const SkipRule& rule,
                       std::span<const double> logits, Slopes& slopes) {
  if (logits.empty()) return;
  for (auto* values : {&slopes.log_probability, &slopes.entropy, &slopes.skip_penalty}) {
    values->resize(logits.size());
  }
  const auto num_choices = static_cast<std::size_t>(decision.num_choices);
  const auto num_tokens = static_cast<std::size_t>(decision.num_tokens());
  const auto token = static_cast<std::size_t>(decision.token);
  for (std::size_t i = 0; i < batch_; ++i) {
    const auto own = [&](auto& values) {
      return std::span(values).subspan(i * num_choices, num_choices);
    };
    score_tokens(decision, rule, own(logits),
                 std::span(tokens_).subspan(i * token_entropy_.size() + token, num_tokens),
                 scores_[i], std::span(token_entropy_).subspan(token, num_tokens),
                 {own(slopes.log_probability), own(slopes.entropy), own(slopes.skip_penalty)});
  }
}

template <typename T>
at::Tensor Scoring<T>::totals() const {
  at::Tensor totals = torch::empty({3, static_cast<std::int64_t>(batch_)}, torch::kFloat64);
  for (std::size_t i = 0; i < batch_; ++i) {
    double* const column = totals.data_ptr<double>() + i;
    column[0] = scores_[i].log_probability;
    column[batch_] = scores_[i].entropy;
    column[2 * batch_] = scores_[i].skip_penalty;
  }
  return totals.to(torch::CppTypeToScalarType<T>::value);
}

template <typename T>
at::Tensor Scoring<T>::decision_entropy() const {
  const at::Tensor sum = torch::tensor(token_entropy_, torch::kFloat64);
  return (sum / static_cast<double>(batch_)).to(torch::CppTypeToScalarType<T>::value);
}

template <typename T>
variable_list Scoring<T>::gradients(const at::Tensor& total_gradients) const {
  const at::Tensor values = total_gradients.to(torch::kFloat64).contiguous();
  std::vector<std::vector<double>> logit_gradients(slopes_.size());
  for (std::size_t d = 0; d < slopes_.size(); ++d) {
    const Slopes& slopes = slopes_[d];
    const std::size_t num_choices = slopes.entropy.size() / batch_;
    for (std::size_t i = 0; i < slopes.entropy.size(); ++i) {
      const double* const column = values.const_data_ptr<double>() + i / num_choices;
      logit_gradients[d].push_back(column[0] * slopes.log_probability[i] +
                                   column[batch_] * slopes.entropy[i] +
                                   column[2 * batch_] * slopes.skip_penalty[i]);
    }
  }
  return walk_gradient<T>(controller_, walk_.record(), tokens_, logit_gradients);
}

// Scoring as a differentiable function of θ.
template <typename T>
struct ScoringFunction : torch::autograd::Function<ScoringFunction<T>> {
  static at::Tensor forward(AutogradContext* context, at::TensorList theta,
                            const c10::intrusive_ptr<Scoring<T>>* scoring) {
    context->save_for_backward(
        theta.vec());  // so that a change of θ before the backward pass is found
    context->saved_data["scoring"] = c10::IValue::make_capsule(*scoring);
    return (*scoring)->totals();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    context->get_saved_variables();
    const auto scoring =
        c10::static_intrusive_pointer_cast<Scoring<T>>(context->saved_data["scoring"].toCapsule());
    variable_list result = scoring->gradients(gradients[0]);
    result.emplace_back();  // `scoring`
    return result;
  }
};

}  // namespace

template <typename T>
Evaluation score(const Controller& controller, std::vector<std::int32_t> tokens) {
  const bool with_gradients = at::GradMode::is_enabled();
  const auto scoring =
      c10::make_intrusive<Scoring<T>>(controller, std::move(tokens), with_gradients);
  variable_list theta;
  for (const Parameter& parameter : controller.parameters()) theta.push_back(parameter.value);
  const at::Tensor totals = with_gradients
                                ? ScoringFunction<T>::apply(at::TensorList(theta), &scoring)
                                : scoring->totals();
  return {totals[0], totals[1], totals[2], scoring->decision_entropy()};
}

template Evaluation score<float>(const Controller&, std::vector<std::int32_t>);
template Evaluation score<double>(const Controller&, std::vector<std::int32_t>);

}  // namespace enas::controller
