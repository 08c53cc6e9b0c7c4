// SPDX-License-Identifier: Apache-2.0
// Devices beside the CPU: whether LibTorch has one, how it computes products, weights on it.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "nn/precision.hpp"
#include "nn/training.hpp"

namespace enas::nn {

/// CUDA devices that LibTorch can use; 0 when it was built without CUDA.
int num_cuda_devices();

/// How the calling process computes products and convolutions of float32 on CUDA devices: as they
/// are, or with factors rounded to TF32. Operations are deterministic where LibTorch has a way.
void set_cuda_products(Precision precision);

/// While it lives, this thread's products and convolutions on the device read factors rounded to
/// bfloat16 (LibTorch's autocast), when `is_wanted`. For passes made of LibTorch's operations.
class Bfloat16Products {
 public:
  Bfloat16Products(at::Device device, bool is_wanted);
  ~Bfloat16Products();
  Bfloat16Products(const Bfloat16Products&) = delete;
  Bfloat16Products& operator=(const Bfloat16Products&) = delete;

 private:
  at::Device device_;
  bool is_wanted_;
};

/// A network's tensors: the ones in host memory, which are trained, digested and saved, and copies
/// on a device, which the network's passes read.
class DeviceWeights {
 public:
  /// Puts the tensors behind `weights` on the device, where the network goes on to use them; their
  /// present values stay on the host.
  DeviceWeights(const std::vector<Weight>& weights, at::Device device);

  const std::vector<Weight>& on_host() const { return on_host_; }
  /// Copies the values of one tensor, or of all, to the device.
  void refresh(int number) const;
  void refresh_all() const;

 private:
  std::vector<Weight> on_device_;
  std::vector<Weight> on_host_;
};

Batch to_device(const Batch& batch, at::Device device);
std::vector<at::Tensor> to_host(std::vector<at::Tensor> tensors);

}  // namespace enas::nn
