// SPDX-License-Identifier: Apache-2.0
// One network as a weight step trains it: the same in all slots.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "child/network.hpp"
#include "train/trainee.hpp"

namespace enas::train {

/// Refers to the network. `total_steps` are those of the whole training.
class SingleNetwork final : public Trainee {
 public:
  SingleNetwork(const child::Network& network, std::uint64_t seed, std::int64_t total_steps)
      : network_(network), seed_(seed), total_steps_(total_steps), all_(network.weights().size()) {
    std::iota(all_.begin(), all_.end(), 0);
  }

  const std::vector<nn::Weight>& weights() const override { return network_.weights(); }
  const std::vector<nn::Weight>& averages() const override { return network_.averages(); }
  std::vector<int> touched(int, const task::StepPlace&) const override { return all_; }
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return network_.initial_state(batch_size);
  }
  nn::Pass pass(int slot, const task::StepPlace& place, const nn::Batch& batch,
                at::Tensor& carried) const override {
    const double progress = static_cast<double>(place.step + 1) / static_cast<double>(total_steps_);
    return network_.train(
        batch, carried,
        {seed_, static_cast<std::uint64_t>(slot), static_cast<std::uint64_t>(place.step)},
        std::min(progress, 1.0));
  }
  void add_to(io::Digester&, int, const task::StepPlace&) const override {}

 private:
  const child::Network& network_;
  std::uint64_t seed_;
  std::int64_t total_steps_;
  std::vector<int> all_;  ///< numbers of all weights
};

}  // namespace enas::train
