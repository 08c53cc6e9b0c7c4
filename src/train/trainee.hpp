// SPDX-License-Identifier: Apache-2.0
// What a weight step trains.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "io/digest.hpp"
#include "nn/pass.hpp"
#include "nn/training.hpp"
#include "task/task.hpp"

namespace enas::train {

/// One network in all slots, or shared weights under a child a slot. Not collective.
class Trainee {
 public:
  virtual ~Trainee() = default;

  virtual const std::vector<nn::Weight>& weights() const = 0;
  /// Running averages of batch norms, moved towards each step's statistics; often none.
  virtual const std::vector<nn::Weight>& averages() const = 0;
  /// Numbers of the weights that the slot's pass touches, ascending.
  virtual std::vector<int> touched(int slot, const task::StepPlace& place) const = 0;
  /// What the slot carries before its first batch.
  virtual at::Tensor initial_state(std::int64_t batch_size) const = 0;
  /// Forward and backward of the slot's batch. Replaces `carried`.
  virtual nn::Pass pass(int slot, const task::StepPlace& place, const nn::Batch& batch,
                        at::Tensor& carried) const = 0;
  /// Adds what decides touched() of all slots: ranks that disagree on it must not begin a sum.
  virtual void add_to(io::Digester& digester, int num_slots,
                      const task::StepPlace& place) const = 0;
};

}  // namespace enas::train
