// SPDX-License-Identifier: Apache-2.0
// A convolutional network over one batch on the CPU: each operation once over the memory, norms and
// ReLUs folded into what reads them, gradients of weights gathered as a block passes.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "nn/image_program.hpp"
#include "nn/plane/memory.hpp"
#include "nn/plane/plan.hpp"
#include "nn/plane/steps.hpp"

namespace enas::nn {

/// Forward once, then backward at most once. The bits depend on the arguments and the instruction
/// set, not on the number of threads.
class PlanePass {
 public:
  /// Weights are contiguous float32 on the CPU. `program`, `weights` and `memory` must outlive it.
  /// `keep` what a backward needs.
  PlanePass(const ImageProgram& program, std::span<const at::Tensor> weights, PlaneMemory& memory,
            bool keep);
  PlanePass(const PlanePass&) = delete;
  PlanePass& operator=(const PlanePass&) = delete;

  /// Features [B, C] of images [B, C, H, W].
  at::Tensor forward(const at::Tensor& images);
  /// The gradient of every weight, from that of the features [B, C].
  std::vector<at::Tensor> backward(const at::Tensor& features_gradient);

 private:
  void read_batch(const at::Tensor& images);
  void run_forward(std::size_t operation);
  void normalise(std::size_t value);
  at::Tensor features();
  void deposit_features(const at::Tensor& gradient);
  void begin_backward(std::size_t value);
  void share_gradient(PlaneStep& sum);
  void run_backward(std::size_t operation);
  PlaneSource source_of(const PlaneOperand& operand);
  /// Buffers for gradients that get their first deposit now.
  void make_room(const std::vector<PlaneSource>& sources);

  PlanePlan plan_;
  std::span<const at::Tensor> weights_;
  PlaneMemory& memory_;
  bool keep_;
  std::vector<PlaneValue> values_;
  std::vector<std::unique_ptr<PlaneStep>> steps_;  // one an operation
  std::vector<at::Tensor> gradients_;              // one a weight
};

}  // namespace enas::nn
