// SPDX-License-Identifier: Apache-2.0
// One architecture as a network of its own, trained from scratch. Not the supernet with sharing
// off: other merges, heads and regularisation, and batch norms that keep running averages.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "nn/pass.hpp"
#include "nn/training.hpp"

namespace enas::child {

/// A network with its weights. Not collective; nothing here depends on ranks. Random numbers are
/// addressed, never drawn from shared state.
class Network {
 public:
  virtual ~Network() = default;

  /// What is trained. Names are stable: they are those of checkpoints and exports.
  virtual const std::vector<nn::Weight>& weights() const = 0;
  /// Running averages of batch norms, moved by the trainer: average ← (1 − kMomentum) average +
  /// kMomentum · statistic. Empty where there are none.
  virtual const std::vector<nn::Weight>& averages() const = 0;
  static constexpr double kMomentum = 0.1;

  /// Products and convolutions of one token or image in evaluation mode, each multiply-add once.
  virtual double multiply_adds() const = 0;

  /// A slot's carried state before its first batch; without values where nothing is carried.
  virtual at::Tensor initial_state(std::int64_t batch_size) const = 0;
  /// Forward and backward in training mode. `progress` in [0, 1] is the share of all steps that
  /// are done, this one included (for scheduled drop path). Replaces `state` by the carried state,
  /// detached.
  virtual nn::Pass train(const nn::Batch& batch, at::Tensor& state, const nn::StepAddress& address,
                         double progress) const = 0;
  /// Forward only: running averages, nothing dropped, no autograd. Replaces `state`.
  virtual nn::Score score(const nn::Batch& batch, at::Tensor& state) const = 0;
};

}  // namespace enas::child
