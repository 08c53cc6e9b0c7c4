// SPDX-License-Identifier: Apache-2.0
// The mean of weights over the steps of a training (Polyak & Juditsky 1992), the "averaged" of
// averaged SGD.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "nn/training.hpp"

namespace enas::nn {

/// average += (weight − average) / count, each value rounded to float once. The bits do not depend
/// on the number of threads. Throws ContractError unless both have the same size and count >= 1.
void move_average(std::span<float> average, std::span<const float> weight, std::int64_t count);

/// The running mean of a network's weights.
class WeightAverage {
 public:
  /// Refers to the tensors of `weights` (contiguous float32 on the CPU); allocates nothing yet.
  explicit WeightAverage(std::vector<Weight> weights) : weights_(std::move(weights)) {}

  /// How many steps are in the mean.
  std::int64_t count() const { return count_; }
  /// The means under the weights' names; empty when count() is 0.
  std::span<const Weight> values() const {
    return {values_.data(), count_ == 0 ? 0 : values_.size()};
  }

  /// Takes the weights in as they are now.
  void add();
  /// Exchanges means and weights, to score or store the means; a second call exchanges them back.
  /// add() is not allowed in between. Nothing happens when count() is 0.
  void exchange();
  /// From now on it is a mean of `count` steps, whose values the caller writes into values(). Until
  /// then values() are what they were; restoring the count of before brings them back.
  void restore(std::int64_t count);

 private:
  void allocate();

  std::vector<Weight> weights_;
  std::vector<Weight> values_;
  std::int64_t count_ = 0;
  bool is_exchanged_ = false;
};

}  // namespace enas::nn
