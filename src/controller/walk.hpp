// SPDX-License-Identifier: Apache-2.0
// The one walk over a space's decisions that sampling and scoring share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
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

/// The LSTM's state for a batch of architectures on their way through the decisions, in order. The
/// controller must outlive it.
class Walk {
 public:
  Walk(const Controller& controller, std::int64_t batch);

  /// Takes the decision's controller steps. Returns its logits, [batch, num_choices]: of a softmax,
  /// or of a subset the x of each bit's probability σ(2x). Undefined for none.
  at::Tensor arrive(const space::Decision& decision);
  /// Moves on with the tokens decided, [num_tokens, batch], int64; later ones are not read.
  void leave(const space::Decision& decision, const at::Tensor& tokens);

 private:
  const at::Tensor& theta(Place place) const;
  void step(const at::Tensor& input);
  at::Tensor bounded(at::Tensor logits, double tanh_constant) const;
  at::Tensor option_logits(const space::Decision& decision) const;
  at::Tensor attention_scores(const space::Decision& decision) const;
  at::Tensor distance_penalty(const space::Decision& decision) const;
  at::Tensor chosen_anchor(const space::Decision& decision, const at::Tensor& choice) const;
  at::Tensor scaled_anchor(const space::Decision& decision, const at::Tensor& choice) const;
  at::Tensor mean_anchor(const space::Decision& decision, const at::Tensor& tokens) const;

  const Controller& controller_;
  std::int64_t batch_;
  at::Tensor start_;  // [batch, H], like all below
  at::Tensor input_;
  at::Tensor h_;
  at::Tensor c_;
  std::vector<at::Tensor> anchors_;
  std::vector<at::Tensor> keys_;
};

}  // namespace enas::controller
