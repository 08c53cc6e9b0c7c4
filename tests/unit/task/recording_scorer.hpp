// SPDX-License-Identifier: Apache-2.0
// A network that computes nothing, but remembers what it was asked to score.
#pragma once

#include <ATen/ops/zeros.h>

#include <vector>

#include "task/scorer.hpp"

namespace enas::task {

class RecordingScorer final : public Scorer {
 public:
  /// One scored batch; the state counts the batches scored since it was made.
  struct Call {
    nn::Batch batch;
    std::int64_t state_size = 0;
    float state = 0.0F;
  };

  at::Tensor initial_state(std::int64_t batch_size) const override {
    return at::zeros({batch_size});
  }
  /// Its sums tell batches apart: of targets, and of targets that are 0.
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override {
    calls.push_back({batch, state.size(0), state[0].item<float>()});
    state = state.add(1.0);
    return {batch.target.sum().item<double>(), batch.target.eq(0).sum().item<std::int64_t>(),
            batch.target.numel()};
  }

  mutable std::vector<Call> calls;
};

}  // namespace enas::task
