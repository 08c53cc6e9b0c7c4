// SPDX-License-Identifier: Apache-2.0
// What can be scored batch by batch: a child within the shared weights, or a network of its own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/training.hpp"

namespace enas::task {

class Scorer {
 public:
  virtual ~Scorer() = default;
  /// Carried from batch to batch; without values where nothing is carried.
  virtual at::Tensor initial_state(std::int64_t batch_size) const = 0;
  /// Forward only, nothing dropped. Replaces `state` by the carried state.
  virtual nn::Score score(const nn::Batch& batch, at::Tensor& state) const = 0;
};

}  // namespace enas::task
