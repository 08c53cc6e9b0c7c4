// SPDX-License-Identifier: Apache-2.0
// The shared weights as a weight step trains them: a child a slot (paper, 2.2).
#pragma once

#include <cstdint>
#include <vector>

#include "search/search_state.hpp"
#include "supernet/supernet.hpp"
#include "train/trainee.hpp"

namespace enas::search {

/// Refers to both; `children` are those of the present weight phase.
class SharedWeights final : public train::Trainee {
 public:
  SharedWeights(const supernet::Supernet& supernet, const PhaseChildren& children,
                std::uint64_t seed)
      : supernet_(supernet), children_(children), seed_(seed) {}

  const std::vector<nn::Weight>& weights() const override { return supernet_.weights(); }
  const std::vector<nn::Weight>& averages() const override { return none_; }
  std::vector<int> touched(int slot, const task::StepPlace& place) const override {
    return supernet_.touched(child(slot, place));
  }
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return supernet_.initial_state(batch_size);
  }
  nn::Pass pass(int slot, const task::StepPlace& place, const nn::Batch& batch,
                at::Tensor& carried) const override {
    return supernet_.gradient(
        child(slot, place), batch, carried,
        {seed_, static_cast<std::uint64_t>(slot), static_cast<std::uint64_t>(place.step)});
  }
  void add_to(io::Digester& digester, int num_slots, const task::StepPlace& place) const override {
    for (int slot = 0; slot < num_slots; ++slot) {
      const auto tokens = child(slot, place).tokens;
      digester.add_values(std::span<const std::int32_t>(tokens));
    }
  }

 private:
  space::Architecture child(int slot, const task::StepPlace& place) const {
    return children_.child(supernet_.space_id(), slot, place.index);
  }

  const supernet::Supernet& supernet_;
  const PhaseChildren& children_;
  std::uint64_t seed_;
  std::vector<nn::Weight> none_;
};

}  // namespace enas::search
