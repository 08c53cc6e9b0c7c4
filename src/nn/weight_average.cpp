// SPDX-License-Identifier: Apache-2.0
// Plain loops over single values.
#include "nn/weight_average.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "core/error.hpp"

namespace enas::nn {
namespace {

constexpr std::int64_t kValuesPerThread = 65536;

std::span<float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

void move_average(std::span<float> average, std::span<const float> weight, std::int64_t count) {
  expect(average.size() == weight.size(), "an average has as many values as its weight");
  expect(count >= 1, "an average is over one step at least");
  const auto share = 1.0 / static_cast<double>(count);
  at::parallel_for(0, static_cast<std::int64_t>(average.size()), kValuesPerThread,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (auto i = static_cast<std::size_t>(begin);
                          i < static_cast<std::size_t>(end); ++i) {
                       const double old = average[i];
                       average[i] = static_cast<float>(old + (weight[i] - old) * share);
                     }
                   });
}

void WeightAverage::allocate() {
  if (!values_.empty()) return;
  for (const Weight& weight : weights_) {
    expect(weight.value.device().is_cpu() && weight.value.scalar_type() == at::kFloat &&
               weight.value.is_contiguous(),
           "an averaged weight is contiguous float32 on the CPU");
    values_.push_back({weight.name, at::zeros_like(weight.value), weight.decays});
  }
}

void WeightAverage::add() {
  expect(!is_exchanged_, "weights are averaged while they stand in their own place");
  allocate();
  if (count_ == 0) {
    for (const auto& value : values_) value.value.zero_();
  }
  ++count_;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    move_average(values_of(values_[i].value), values_of(weights_[i].value), count_);
  }
}

void WeightAverage::exchange() {
  if (count_ == 0) return;
  is_exchanged_ = !is_exchanged_;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    std::ranges::swap_ranges(values_of(values_[i].value), values_of(weights_[i].value));
  }
}

void WeightAverage::restore(std::int64_t count) {
  expect(count >= 0 && !is_exchanged_, "a restored average is over no or more steps");
  count_ = count;
  if (count > 0) allocate();
}

}  // namespace enas::nn
