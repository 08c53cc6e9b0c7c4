// SPDX-License-Identifier: Apache-2.0
// The one walk over a space's decisions that sampling and scoring share, and the way back along it
// for gradients.
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

/// What a walk leaves behind: S controller steps and A anchors of a batch of B architectures. Of a
/// walk without a way back only the newest step is there.
struct WalkRecord {
  at::Tensor reads;          ///< [S + 1, B, 2H]: a step's input, and the state before it
  at::Tensor gates;          ///< [S, B, 4H]: i, f, o, g, after their activations
  at::Tensor cells;          ///< [S + 1, B, H]: c before a step
  at::Tensor tanh_cells;     ///< [S, B, H]: tanh c after it
  at::Tensor anchors;        ///< [A, B, H]
  at::Tensor keys;           ///< [A, B, H]
  std::vector<int> sources;  ///< decision whose tokens chose a step's input; -1: the start input
  std::vector<at::Tensor> attention;        ///< a decision's tanh(query + key), [choices, B, H]
  std::vector<std::vector<double>> slopes;  ///< of a decision's logits in its scores, [B, choices]
};

/// The LSTM's state for a batch of architectures on their way through the decisions, in order. The
/// controller must outlive it. T is the type of θ.
template <typename T>
class Walk {
 public:
  /// With `keep` all steps are recorded, for walk_gradient().
  Walk(const Controller& controller, std::int64_t batch, bool keep);

  /// Takes the controller steps of the next decision. Returns its logits, [batch, num_choices]: of
  /// a softmax, or of a subset the x of each bit's probability σ(2x). Empty for none.
  std::span<const double> arrive();
  /// Moves on with the tokens decided, [batch, num_tokens]; later ones are not read.
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

/// An anchor's part in the input that a decision's tokens choose.
struct AnchorShare {
  std::int64_t anchor = 0;
  double factor = 1.0;
};

/// What the decision makes of its tokens, those of one architecture: the anchors in its next input.
/// `num_anchors` are stored before it.
void anchor_shares(const space::Decision& decision, int num_anchors,
                   std::span<const std::int32_t> tokens, std::vector<AnchorShare>& shares);

/// The way back. Gradients of θ, in its order, from those of all logits: one list a decision, [B,
/// num_choices], empty for none. `tokens` as in leave().
template <typename T>
std::vector<at::Tensor> walk_gradient(const Controller& controller, const WalkRecord& record,
                                      std::span<const std::int32_t> tokens,
                                      const std::vector<std::vector<double>>& logit_gradients);

}  // namespace enas::controller
