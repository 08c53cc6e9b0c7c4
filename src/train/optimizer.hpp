// SPDX-License-Identifier: Apache-2.0
// How the mean gradient of a step moves weights: SGD with Nesterov momentum, and the learning
// rate's schedule.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/training.hpp"
#include "run/named_array.hpp"
#include "train/options.hpp"

namespace enas::train {

/// The learning rate of a round, counted from 0. Cosine: lr_min + (lr − lr_min)(1 + cos(π t/T))/2
/// with t rounds done of a period of T = T0 · Tmul^k rounds; a period begins at lr itself.
double scheduled_lr(const StepOptions& options, std::int64_t round);

/// Owns the velocities. Momentum belongs to a weight: it moves only in steps that move the weight.
class Optimizer {
 public:
  /// `weights` must outlive this. No velocities are kept when momentum is 0.
  Optimizer(const std::vector<nn::Weight>& weights, const StepOptions& options);

  /// One step of weight number `weight` along `gradient`, of which averaging and clipping leave
  /// `scale`.
  void move(int weight, std::span<const float> gradient, double scale, double lr);

  /// Velocities named as their weights, in their order; empty without momentum.
  std::vector<run::NamedArray> state() const;
  /// The weight and its velocity where there is one, for digests.
  std::vector<run::NamedArray> arrays_of_weight(int weight) const;

 private:
  const std::vector<nn::Weight>& weights_;
  double momentum_;
  std::vector<at::Tensor> velocities_;
};

}  // namespace enas::train
