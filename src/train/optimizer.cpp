// SPDX-License-Identifier: Apache-2.0
#include "train/optimizer.hpp"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/sgd.hpp"

namespace enas::train {

namespace {

double cosine_lr(const StepOptions& options, std::int64_t round) {
  std::int64_t period = options.lr_restart_rounds;
  std::int64_t done = round;
  while (done >= period) {
    done -= period;
    period *= options.lr_restart_factor;
  }
  const double part = static_cast<double>(done) / static_cast<double>(period);
  return options.lr_min +
         0.5 * (options.lr - options.lr_min) * (1.0 + std::cos(std::numbers::pi * part));
}

double decayed_lr(const StepOptions& options, std::int64_t round) {
  const auto decays = std::max<std::int64_t>(round - options.lr_decay_start + 1, 0);
  return std::max(options.lr * std::pow(options.lr_decay, static_cast<double>(decays)),
                  options.lr_min);
}

}  // namespace

double scheduled_lr(const StepOptions& options, std::int64_t round) {
  return options.lr_schedule == LrSchedule::cosine ? cosine_lr(options, round)
                                                   : decayed_lr(options, round);
}

Optimizer::Optimizer(const std::vector<nn::Weight>& weights, const StepOptions& options)
    : weights_(weights), momentum_(options.momentum) {
  if (momentum_ == 0.0) return;
  velocities_.reserve(weights.size());
  for (const auto& weight : weights) {
    velocities_.push_back(at::zeros_like(weight.value));
  }
}

void Optimizer::move(int weight, std::span<const float> gradient, double scale, double lr) {
  const auto number = static_cast<std::size_t>(weight);
  const at::Tensor& value = weights_[number].value;
  if (velocities_.empty()) {
    nn::apply_update(value, gradient, scale, lr);
  } else {
    nn::apply_nesterov(value, velocities_[number], gradient, scale, lr, momentum_);
  }
}

std::vector<run::NamedArray> Optimizer::state() const {
  std::vector<run::NamedArray> arrays;
  arrays.reserve(velocities_.size());
  for (std::size_t i = 0; i < velocities_.size(); ++i) {
    arrays.push_back(run::named_array(weights_[i].name, velocities_[i]));
  }
  return arrays;
}

std::vector<run::NamedArray> Optimizer::arrays_of_weight(int weight) const {
  const auto number = static_cast<std::size_t>(weight);
  const auto& value = weights_[number];
  std::vector<run::NamedArray> arrays = {run::named_array(value.name, value.value)};
  if (!velocities_.empty()) {
    arrays.push_back(run::named_array("momentum of " + value.name, velocities_[number]));
  }
  return arrays;
}

}  // namespace enas::train
