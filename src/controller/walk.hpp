// SPDX-License-Identifier: Apache-2.0
// The LSTM's way through the decisions of a space, shared by sampling and scoring, and its
// gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "controller/controller.hpp"
#include "space/search_space.hpp"

namespace enas::controller {

/// Places of tensors in Controller::parameters(). The option weight is missing when embeddings are
/// tied; the option bias, where the space has one, is the last of all.
enum class Place : std::size_t {
  lstm,
  start_input,
  option_embedding,
  attention_anchor,
  attention_state,
  attention_vector,
  option_weight,
};

/// What the gradient of a walk needs: S controller steps and A anchors of a batch of B
/// architectures. Where no gradient is wanted, only the newest step is kept.
struct WalkRecord {
  at::Tensor reads;          ///< [S + 1, B, 2H]: a step's input, and the state before it
  at::Tensor gates;          ///< [S, B, 4H]: i, f, o, g, after their activations
  at::Tensor cells;          ///< [S + 1, B, H]: c before a step
  at::Tensor tanh_cells;     ///< [S, B, H]: tanh c after it
  at::Tensor anchors;        ///< [A, B, H]
  at::Tensor keys;           ///< [A, B, H]
  std::vector<int> sources;  ///< of each step: the decision that chose its input, -1 for the first
  std::vector<at::Tensor> attention;        ///< a decision's tanh(query + key), [choices, B, H]
  std::vector<std::vector<double>> slopes;  ///< of a decision's logits in its scores, [B, choices]
};

/// Takes a batch of architectures through the decisions, in order. The controller must outlive it.
/// T is the type of θ.
template <typename T>
class Walk {
 public:
  /// With `keep` all steps are recorded, for walk_gradient().
  Walk(const Controller& controller, std::int64_t batch, bool keep);

  /// Takes the controller steps of the next decision. Returns its logits, [batch, num_choices], as
  /// draw_tokens() takes them; none for a decision without a choice.
  std::span<const double> arrive();
  /// Goes on to the next decision. `tokens`, [batch, num_tokens], are those of all decisions, of
  /// which only those decided so far are read.
  void leave(std::span<const std::int32_t> tokens);

  const WalkRecord& record() const { return record_; }

 private:
  const space::Decision& decision() const;
  const at::Tensor& theta(Place place) const;
  at::Tensor state() const;  // h, [B, H]
  void step(const T* input, std::int64_t row_pitch);
  void option_logits();
  void attention_logits();
  void set_logit(std::size_t place, double score, double tanh_constant, double offset);
  void choose_input(std::span<const std::int32_t> tokens);

  const Controller& controller_;
  const space::SearchSpace& space_;
  std::vector<at::Tensor> theta_;  // detached
  std::int64_t batch_;
  std::int64_t hidden_;
  bool keep_;
  WalkRecord record_;
  int decision_ = 0;
  std::int64_t steps_ = 0;  // taken
  std::int64_t anchors_ = 0;
  int source_ = -1;             // of input_
  at::Tensor input_;            // [B, H]
  std::vector<double> logits_;  // of the present decision
};

/// The next input is a weighted sum of anchors; this is one of them with its weight.
struct AnchorShare {
  std::int64_t anchor = 0;
  double factor = 1.0;
};

/// The anchors in the next input that the tokens of one architecture choose in this decision.
/// `num_anchors` are stored before it.
void anchor_shares(const space::Decision& decision, int num_anchors,
                   std::span<const std::int32_t> tokens, std::vector<AnchorShare>& shares);

/// The backward pass: gradients of θ, in its order, from those of all logits. These are one list
/// for each decision, [B, num_choices], empty for one without a choice. `tokens` as in leave().
template <typename T>
std::vector<at::Tensor> walk_gradient(const Controller& controller, const WalkRecord& record,
                                      std::span<const std::int32_t> tokens,
                                      const std::vector<std::vector<double>>& logit_gradients);

}  // namespace enas::controller
