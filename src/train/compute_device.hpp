// SPDX-License-Identifier: Apache-2.0
// Where a run computes: the passes of its networks, and the sums of their gradients.
#pragma once

#include <memory>
#include <string>

#include "child/network.hpp"
#include "comm/gradient_reducer.hpp"
#include "comm/world.hpp"
#include "core/log.hpp"
#include "nn/precision.hpp"
#include "train/options.hpp"

namespace enas::train {

/// How many GPUs this process can compute on, or why none: "2 CUDA devices".
std::string gpu_description();

/// The CPU on every rank, or on every rank a GPU of its own.
class ComputeDevice {
 public:
  /// The CPU.
  ComputeDevice() = default;
  /// Collective. `automatic` takes GPUs when every rank has one that LibTorch can use. Throws
  /// ConfigError alike on every rank when GPUs are asked for and are not there, when two ranks
  /// share one, or when the device does not have the precision, which `precision_key` sets. Warns
  /// where the precision has no effect.
  ComputeDevice(comm::World& world, Log& log, run::DeviceWish wish, nn::Precision precision,
                space::SpaceKind kind, const char* precision_key);

  /// "CPU", or "CUDA, NCCL 2.30.7, …".
  std::string text() const;
  /// Collective.
  std::unique_ptr<comm::GradientReducer> make_reducer(comm::World& world, int slots,
                                                      double timeout_s) const;
  std::unique_ptr<child::Network> place(std::unique_ptr<child::Network> network) const;

  bool is_cuda() const { return is_cuda_; }
  /// Number of this rank's GPU.
  int number() const { return number_; }
  /// Whether passes compute in bfloat16 by autocast: those of image networks on a GPU.
  bool autocasts() const { return bfloat16_; }

 private:
  bool is_cuda_ = false;
  int number_ = 0;
  bool bfloat16_ = false;
};

}  // namespace enas::train
