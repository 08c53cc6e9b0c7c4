// SPDX-License-Identifier: Apache-2.0
// A supernet whose passes run on a device, while everything that callers see stays on the host.
#pragma once

#include <memory>

#include "nn/device/device.hpp"
#include "supernet/supernet.hpp"

namespace enas::supernet {

/// Weights, batches, carried states and gradients are host tensors, as with any supernet, so who
/// trains, digests and saves them knows nothing of devices. A pass copies the weights that it
/// touches to the device and its gradients back.
class OnDevice final : public Supernet {
 public:
  /// With `bfloat16` the passes' products read rounded factors (see nn::Bfloat16Products).
  OnDevice(std::unique_ptr<Supernet> supernet, at::Device device, bool bfloat16);

  const std::string& space_id() const override { return supernet_->space_id(); }
  const std::vector<Weight>& weights() const override { return weights_.on_host(); }
  std::vector<int> touched(const space::Architecture& architecture) const override {
    return supernet_->touched(architecture);
  }
  double forward_flops(const space::Architecture& architecture,
                       at::IntArrayRef input_sizes) const override {
    return supernet_->forward_flops(architecture, input_sizes);
  }
  at::Tensor initial_state(std::int64_t batch_size) const override;
  Pass gradient(const space::Architecture& architecture, const Batch& batch, at::Tensor& state,
                const StepAddress& address) const override;
  Score score(const space::Architecture& architecture, const Batch& batch,
              at::Tensor& state) const override;

 private:
  void refresh(const space::Architecture& architecture) const;

  std::unique_ptr<Supernet> supernet_;
  at::Device device_;
  bool bfloat16_;
  nn::DeviceWeights weights_;
};

}  // namespace enas::supernet
