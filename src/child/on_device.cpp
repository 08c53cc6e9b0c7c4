// SPDX-License-Identifier: Apache-2.0
#include "child/on_device.hpp"

#include <utility>

namespace enas::child {

OnDevice::OnDevice(std::unique_ptr<Network> network, at::Device device, bool bfloat16)
    : network_(std::move(network)),
      device_(device),
      bfloat16_(bfloat16),
      weights_(network_->weights(), device),
      averages_(network_->averages(), device) {}

at::Tensor OnDevice::initial_state(std::int64_t batch_size) const {
  return network_->initial_state(batch_size).to(at::kCPU);
}

nn::Pass OnDevice::train(const nn::Batch& batch, at::Tensor& state, const nn::StepAddress& address,
                         double progress) const {
  weights_.refresh_all();
  averages_.refresh_all();
  const nn::Bfloat16Products products(device_, bfloat16_);
  at::Tensor carried = state.to(device_);
  nn::Pass pass = network_->train(nn::to_device(batch, device_), carried, address, progress);
  state = carried.to(at::kCPU);
  pass.gradients = nn::to_host(std::move(pass.gradients));
  pass.statistics = nn::to_host(std::move(pass.statistics));
  return pass;
}

nn::Score OnDevice::score(const nn::Batch& batch, at::Tensor& state) const {
  weights_.refresh_all();
  averages_.refresh_all();
  const nn::Bfloat16Products products(device_, bfloat16_);
  at::Tensor carried = state.to(device_);
  const nn::Score score = network_->score(nn::to_device(batch, device_), carried);
  state = carried.to(at::kCPU);
  return score;
}

}  // namespace enas::child
