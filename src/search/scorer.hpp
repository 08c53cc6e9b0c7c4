// SPDX-License-Identifier: Apache-2.0
// What can be scored batch by batch: a child within the shared weights, or a network of its own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/training.hpp"
#include "supernet/supernet.hpp"

namespace enas::search {

class Scorer {
 public:
  virtual ~Scorer() = default;
  /// Carried from batch to batch; without values where nothing is carried.
  virtual at::Tensor initial_state(std::int64_t batch_size) const = 0;
  /// Forward only, nothing dropped. Replaces `state` by the carried state.
  virtual nn::Score score(const nn::Batch& batch, at::Tensor& state) const = 0;
};

/// Refers to both.
class SharedChild final : public Scorer {
 public:
  SharedChild(const supernet::Supernet& supernet, const space::Architecture& child)
      : supernet_(supernet), child_(child) {}
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return supernet_.initial_state(batch_size);
  }
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override {
    return supernet_.score(child_, batch, state);
  }

 private:
  const supernet::Supernet& supernet_;
  const space::Architecture& child_;
};

}  // namespace enas::search
