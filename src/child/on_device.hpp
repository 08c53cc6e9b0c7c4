// SPDX-License-Identifier: Apache-2.0
// A network whose passes run on a device, while everything that callers see stays on the host.
#pragma once

#include <memory>

#include "child/network.hpp"
#include "nn/device/device.hpp"

namespace enas::child {

/// As supernet::OnDevice, for a network of its own. A pass copies all weights and averages to the
/// device, and gradients and statistics back.
class OnDevice final : public Network {
 public:
  /// With `bfloat16` the passes' products read rounded factors (see nn::Bfloat16Products).
  OnDevice(std::unique_ptr<Network> network, at::Device device, bool bfloat16);

  const std::vector<nn::Weight>& weights() const override { return weights_.on_host(); }
  const std::vector<nn::Weight>& averages() const override { return averages_.on_host(); }
  double multiply_adds() const override { return network_->multiply_adds(); }
  at::Tensor initial_state(std::int64_t batch_size) const override;
  nn::Pass train(const nn::Batch& batch, at::Tensor& state, const nn::StepAddress& address,
                 double progress) const override;
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override;

 private:
  std::unique_ptr<Network> network_;
  at::Device device_;
  bool bfloat16_;
  nn::DeviceWeights weights_;
  nn::DeviceWeights averages_;
};

}  // namespace enas::child
