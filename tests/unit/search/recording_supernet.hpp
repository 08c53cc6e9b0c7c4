// SPDX-License-Identifier: Apache-2.0
// A supernet that computes nothing, but remembers what it was asked to score.
#pragma once

#include <ATen/ops/zeros.h>

#include <string>
#include <utility>
#include <vector>

#include "supernet/supernet.hpp"

namespace enas::search {

class RecordingSupernet final : public supernet::Supernet {
 public:
  /// One scored batch; the state counts the batches scored since it was made.
  struct Call {
    supernet::Batch batch;
    std::int64_t state_size = 0;
    float state = 0.0F;
  };

  explicit RecordingSupernet(std::vector<supernet::Weight> weights = {})
      : weights_(std::move(weights)) {}

  const std::string& space_id() const override { return id_; }
  const std::vector<supernet::Weight>& weights() const override { return weights_; }
  std::vector<int> touched(const space::Architecture&) const override { return {}; }
  double forward_flops(const space::Architecture&, at::IntArrayRef) const override { return 0.0; }
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return at::zeros({batch_size});
  }
  nn::Pass gradient(const space::Architecture&, const supernet::Batch&, at::Tensor&,
                    const supernet::StepAddress&) const override {
    return {};
  }
  /// Its sums tell batches apart: of targets, and of targets that are 0.
  supernet::Score score(const space::Architecture&, const supernet::Batch& batch,
                        at::Tensor& state) const override {
    calls.push_back({batch, state.size(0), state[0].item<float>()});
    state = state.add(1.0);
    return {batch.target.sum().item<double>(), batch.target.eq(0).sum().item<std::int64_t>(),
            batch.target.numel()};
  }

  mutable std::vector<Call> calls;

 private:
  std::string id_ = "none";
  std::vector<supernet::Weight> weights_;
};

}  // namespace enas::search
