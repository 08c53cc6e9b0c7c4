// SPDX-License-Identifier: Apache-2.0
#include "supernet/on_device.hpp"

#include <utility>

namespace enas::supernet {

OnDevice::OnDevice(std::unique_ptr<Supernet> supernet, at::Device device, bool bfloat16)
    : supernet_(std::move(supernet)),
      device_(device),
      bfloat16_(bfloat16),
      weights_(supernet_->weights(), device) {}

at::Tensor OnDevice::initial_state(std::int64_t batch_size) const {
  return supernet_->initial_state(batch_size).to(at::kCPU);
}

void OnDevice::refresh(const space::Architecture& architecture) const {
  for (const int weight : supernet_->touched(architecture)) weights_.refresh(weight);
}

Pass OnDevice::gradient(const space::Architecture& architecture, const Batch& batch,
                        at::Tensor& state, const StepAddress& address) const {
  refresh(architecture);
  const nn::Bfloat16Products products(device_, bfloat16_);
  at::Tensor carried = state.to(device_);
  Pass result = supernet_->gradient(architecture, nn::to_device(batch, device_), carried, address);
  state = carried.to(at::kCPU);
  result.gradients = nn::to_host(std::move(result.gradients));
  return result;
}

Score OnDevice::score(const space::Architecture& architecture, const Batch& batch,
                      at::Tensor& state) const {
  refresh(architecture);
  const nn::Bfloat16Products products(device_, bfloat16_);
  at::Tensor carried = state.to(device_);
  const Score score = supernet_->score(architecture, nn::to_device(batch, device_), carried);
  state = carried.to(at::kCPU);
  return score;
}

}  // namespace enas::supernet
