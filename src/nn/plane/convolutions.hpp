// SPDX-License-Identifier: Apache-2.0
// The operations on planes that have weights.
#pragma once

#include <vector>

#include "nn/plane/steps.hpp"
#include "nn/plane/terms.hpp"

namespace enas::nn {

/// Convolution of one image, or the 1×1 over a concatenation of several.
class PlaneConvolution final : public PlaneStep {
 public:
  PlaneConvolution(std::vector<PlaneSource> sources, const std::vector<at::Tensor>& weights,
                   PlaneValue& result);
  void backward(int block, PlaneScratch& scratch, float* weight_sums) const override;
  std::size_t num_weight_sums() const override;
  std::vector<at::Tensor> weight_gradients(std::span<const float> sums) const override;

 private:
  void compute(int block, PlaneScratch& scratch, float* out) const override;
  float* load_input(int block, PlaneScratch& scratch) const;
  float* load_output_gradient(int block, PlaneScratch& scratch) const;

  int kernel_, in_channels_, out_channels_;
  int border_, pitch_, plane_size_;
  std::size_t stride_;  // floats from one channel to the next, padded
  PackedCoefficients forward_, backward_;
  std::vector<int> terms_, gradient_terms_;
  BlockRows rows_, padded_rows_;  // padded to plain, padded to inner part of padded
};

/// Depthwise convolution, then 1×1; what is between them never leaves the cache.
class PlaneSeparable final : public PlaneStep {
 public:
  PlaneSeparable(std::vector<PlaneSource> sources, const std::vector<at::Tensor>& weights,
                 PlaneValue& result);
  void backward(int block, PlaneScratch& scratch, float* weight_sums) const override;
  std::size_t num_weight_sums() const override;
  std::vector<at::Tensor> weight_gradients(std::span<const float> sums) const override;

 private:
  void compute(int block, PlaneScratch& scratch, float* out) const override;

  int kernel_, in_channels_, out_channels_;
  int border_, pitch_;
  std::size_t padded_size_;
  std::vector<float> depthwise_, flipped_;  // [C, k·k]
  PackedCoefficients forward_, backward_;
  std::vector<int> terms_, gradient_terms_;
};

/// The even and the odd half of a factorized reduction.
class PlaneReduction final : public PlaneStep {
 public:
  PlaneReduction(std::vector<PlaneSource> sources, const std::vector<at::Tensor>& weights,
                 PlaneValue& result);
  void backward(int block, PlaneScratch& scratch, float* weight_sums) const override;
  std::size_t num_weight_sums() const override;
  std::vector<at::Tensor> weight_gradients(std::span<const float> sums) const override;

 private:
  void compute(int block, PlaneScratch& scratch, float* out) const override;
  void load_half(int block, int half, float* out) const;

  int in_channels_, half_channels_;
  std::vector<PackedCoefficients> forward_, backward_;  // even, odd
  std::vector<int> terms_, gradient_terms_;
};

}  // namespace enas::nn
