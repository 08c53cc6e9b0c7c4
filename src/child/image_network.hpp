// SPDX-License-Identifier: Apache-2.0
// A planned convolutional network with its weights and running averages.
#pragma once

#include <cstdint>
#include <vector>

#include "child/image_plan.hpp"
#include "child/network.hpp"

namespace enas::child {

class ImageNetwork : public Network {
 public:
  struct Training {
    double dropout = 0.0;           ///< of pooled features before the main classifier, in [0, 1)
    double auxiliary_weight = 0.0;  ///< used when the plan has an auxiliary head
  };
  /// Convolutions and classifiers start He-normal with their true fan-in, norms with scale 1 and
  /// offset 0, by the seed and the weight's name (Purpose::child_weights).
  ImageNetwork(ImagePlan plan, const Training& training, std::uint64_t seed);

  /// What the network does, step by step; weight numbers are places in weights().
  const ImagePlan& plan() const { return plan_; }

  const std::vector<nn::Weight>& weights() const override { return weights_; }
  /// "<norm>/mean" and "<norm>/variance" [C] for every norm in order, at first 0 and 1. A batch's
  /// variance enters them unbiased, as in PyTorch, though it is normalised with the biased one.
  const std::vector<nn::Weight>& averages() const override { return averages_; }
  double multiply_adds() const override { return plan_.multiply_adds(); }
  /// Nothing is carried from batch to batch.
  at::Tensor initial_state(std::int64_t batch_size) const override;
  /// Masks are addressed by (Purpose::dropout, slot, step, number): 0 is the features' dropout,
  /// 1 + n the plan's n-th drop path. Throws ConfigError when a norm would see a single pixel.
  nn::Pass train(const nn::Batch& batch, at::Tensor& state, const nn::StepAddress& address,
                 double progress) const override;
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override;

 private:
  void check(const nn::Batch& batch) const;

  ImagePlan plan_;
  Training training_;
  std::vector<nn::Weight> weights_;
  std::vector<nn::Weight> averages_;
};

}  // namespace enas::child
