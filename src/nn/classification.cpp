// SPDX-License-Identifier: Apache-2.0
#include "nn/classification.hpp"

#include <torch/torch.h>

#include "core/random.hpp"

namespace enas::nn {

at::Tensor mean_cross_entropy(const at::Tensor& logits, const at::Tensor& target) {
  return at::cross_entropy_loss(logits.to(at::kDouble), target);
}

std::int64_t count_correct(const at::Tensor& logits, const at::Tensor& target) {
  return logits.argmax(1).eq(target).sum().item<std::int64_t>();
}

at::Tensor dropout_mask(double keep, std::uint64_t number, const StepAddress& address,
                        at::IntArrayRef sizes, at::Device device) {
  at::Tensor mask = at::empty(sizes, at::kFloat);
  RandomStream stream(address.seed, {Purpose::dropout, address.slot, address.step, number});
  stream.fill_keep_mask({mask.data_ptr<float>(), static_cast<std::size_t>(mask.numel())}, keep);
  return mask.to(device);
}

}  // namespace enas::nn
