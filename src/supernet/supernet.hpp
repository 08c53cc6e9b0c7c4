// SPDX-License-Identifier: Apache-2.0
// The shared weights ω and what can be done with them under one architecture.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/data_shape.hpp"
#include "nn/pass.hpp"
#include "nn/training.hpp"
#include "space/architecture.hpp"

namespace enas::supernet {

using nn::Batch;
using nn::DataShape;
using nn::Pass;
using nn::Score;
using nn::StepAddress;
using nn::Weight;
using nn::WeightShape;

/// Shared weights of one search space. Not collective; nothing here depends on ranks.
class Supernet {
 public:
  virtual ~Supernet() = default;

  /// Id of the search space whose architectures it takes.
  virtual const std::string& space_id() const = 0;
  virtual const std::vector<Weight>& weights() const = 0;
  /// Numbers of the weights that the architecture uses, ascending.
  virtual std::vector<int> touched(const space::Architecture& architecture) const = 0;
  /// Floating-point operations (a multiply-add is two) of the products and convolutions of a
  /// forward pass over a batch whose input has these sizes. A training pass counts three times.
  virtual double forward_flops(const space::Architecture& architecture,
                               at::IntArrayRef input_sizes) const = 0;

  /// A slot's carried state before its first batch (zeros; without values where nothing is
  /// carried). Detached; belongs to the slot.
  virtual at::Tensor initial_state(std::int64_t batch_size) const = 0;
  /// Forward and backward of one batch in training mode. Replaces `state` by the carried state,
  /// detached.
  virtual Pass gradient(const space::Architecture& architecture, const Batch& batch,
                        at::Tensor& state, const StepAddress& address) const = 0;
  /// Forward only, without dropout, no autograd. Replaces `state` by the carried state.
  virtual Score score(const space::Architecture& architecture, const Batch& batch,
                      at::Tensor& state) const = 0;
};

}  // namespace enas::supernet
