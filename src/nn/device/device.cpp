// SPDX-License-Identifier: Apache-2.0
#include "nn/device/device.hpp"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

namespace enas::nn {

int num_cuda_devices() { return static_cast<int>(torch::cuda::device_count()); }

void set_cuda_products(Precision precision) {
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(precision == Precision::tf32);
  context.setAllowTF32CuDNN(precision == Precision::tf32);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  // Where LibTorch has a deterministic way; what has none (max pooling's backward) is only told.
  context.setDeterministicAlgorithms(true, /*warn_only=*/true);
  context.setDeterministicFillUninitializedMemory(false);
}

Bfloat16Products::Bfloat16Products(at::Device device, bool is_wanted)
    : device_(device), is_wanted_(is_wanted) {
  if (!is_wanted_) return;
  at::autocast::set_autocast_dtype(device_.type(), at::kBFloat16);
  at::autocast::set_autocast_enabled(device_.type(), true);
  at::autocast::increment_nesting();
}

Bfloat16Products::~Bfloat16Products() {
  if (!is_wanted_) return;
  // It kept rounded weights, which the next step changes.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_.type(), false);
}

DeviceWeights::DeviceWeights(const std::vector<Weight>& weights, at::Device device)
    : on_device_(weights) {
  for (const Weight& weight : on_device_) {
    on_host_.push_back({weight.name, weight.value.clone(), weight.decays});
    weight.value.set_data(weight.value.to(device));
  }
}

void DeviceWeights::refresh(int number) const {
  const auto index = static_cast<std::size_t>(number);
  on_device_[index].value.copy_(on_host_[index].value);
}

void DeviceWeights::refresh_all() const {
  for (int i = 0; i < static_cast<int>(on_host_.size()); ++i) refresh(i);
}

Batch to_device(const Batch& batch, at::Device device) {
  return {batch.input.to(device), batch.target.to(device)};
}

std::vector<at::Tensor> to_host(std::vector<at::Tensor> tensors) {
  for (at::Tensor& tensor : tensors) tensor = tensor.to(at::kCPU);
  return tensors;
}

}  // namespace enas::nn
