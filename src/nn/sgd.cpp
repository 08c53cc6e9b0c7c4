// SPDX-License-Identifier: Apache-2.0
// Plain loops: these passes are bound by memory.
#include "nn/sgd.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "core/error.hpp"

namespace enas::nn {
namespace {

// The order in which a norm is summed: changing either changes the bits of every norm.
constexpr std::size_t kBlockValues = 65536;
constexpr std::size_t kLanes = 8;
// A multiple of kLanes.
constexpr std::size_t kPackedAtOnce = 2048;

using Lanes = std::array<double, kLanes>;

// Only the last values of a block may be no multiple of kLanes.
void add_squares(std::span<const float> values, Lanes& sums) {
  Lanes lanes = sums;
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  }
  for (; i < values.size(); ++i) lanes[0] += double{values[i]} * values[i];
  sums = lanes;
}

// Sum over blocks of [0, size), in their order; `norm_of` gets first place and length of each.
template <typename NormOf>
double sum_over_blocks(std::size_t size, const NormOf& norm_of) {
  if (size <= kBlockValues) return norm_of(0, size);
  const std::size_t num_blocks = (size + kBlockValues - 1) / kBlockValues;
  std::vector<double> norms(num_blocks);
  at::parallel_for(0, static_cast<std::int64_t>(num_blocks), 1, [&](auto begin, auto end) {
    for (auto block = static_cast<std::size_t>(begin); block < static_cast<std::size_t>(end);
         ++block) {
      const std::size_t first = block * kBlockValues;
      norms[block] = norm_of(first, std::min(kBlockValues, size - first));
    }
  });
  return std::accumulate(norms.begin(), norms.end(), 0.0);
}

double sum_of(const Lanes& lanes) { return std::accumulate(lanes.begin(), lanes.end(), 0.0); }

// What is packed is squared while it is still in the nearest cache.
double pack_block(const float* slope, const float* value, float factor, std::span<float> packed) {
  Lanes lanes{};
  for (std::size_t begin = 0; begin < packed.size(); begin += kPackedAtOnce) {
    const auto part = packed.subspan(begin, std::min(kPackedAtOnce, packed.size() - begin));
    if (factor == 0.0F) {
      std::copy_n(slope + begin, part.size(), part.data());
    } else {
      float* const to = part.data();
      for (std::size_t i = 0; i < part.size(); ++i) {
        to[i] = slope[begin + i] + factor * value[begin + i];
      }
    }
    add_squares(part, lanes);
  }
  return sum_of(lanes);
}

}  // namespace

double squared_norm(std::span<const float> gradient) {
  return sum_over_blocks(gradient.size(), [&](std::size_t first, std::size_t length) {
    Lanes lanes{};
    add_squares(gradient.subspan(first, length), lanes);
    return sum_of(lanes);
  });
}

double pack_with_decay(const at::Tensor& gradient, const at::Tensor& weight, double decay,
                       std::span<float> packed) {
  const auto size = static_cast<std::size_t>(gradient.numel());
  expect(size == packed.size() && gradient.sizes() == weight.sizes(),
         "a gradient has the shape of its weight and the size of its place");
  const at::Tensor flat = gradient.contiguous();
  const float* const slope = flat.const_data_ptr<float>();
  const float* const value = weight.const_data_ptr<float>();
  const auto factor = static_cast<float>(decay);
  return sum_over_blocks(size, [=](std::size_t first, std::size_t length) {
    return pack_block(slope + first, value + first, factor, packed.subspan(first, length));
  });
}

void apply_update(at::Tensor weight, std::span<const float> gradient, double scale, double lr) {
  expect(weight.device().is_cpu() && weight.scalar_type() == at::kFloat && weight.is_contiguous(),
         "an updated weight is contiguous float32 on the CPU");
  expect(static_cast<std::size_t>(weight.numel()) == gradient.size(),
         "a gradient has as many values as its weight");
  const auto factor = static_cast<float>(lr * scale);
  float* const values = weight.data_ptr<float>();
  at::parallel_for(0, weight.numel(), static_cast<std::int64_t>(kBlockValues),
                   [&](std::int64_t begin, std::int64_t end) {
                     const float* const source = gradient.data();
                     for (std::int64_t i = begin; i < end; ++i) values[i] -= factor * source[i];
                   });
}

void apply_nesterov(at::Tensor weight, at::Tensor velocity, std::span<const float> gradient,
                    double scale, double lr, double momentum) {
  for (const at::Tensor& tensor : {weight, velocity}) {
    expect(tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous(),
           "an updated weight and its velocity are contiguous float32 on the CPU");
    expect(static_cast<std::size_t>(tensor.numel()) == gradient.size(),
           "a gradient has as many values as its weight and its velocity");
  }
  const auto factor = static_cast<float>(scale);
  const auto rate = static_cast<float>(lr);
  const auto keep = static_cast<float>(momentum);
  float* const values = weight.data_ptr<float>();
  float* const speeds = velocity.data_ptr<float>();
  at::parallel_for(0, weight.numel(), static_cast<std::int64_t>(kBlockValues),
                   [&](std::int64_t begin, std::int64_t end) {
                     const float* const source = gradient.data();
                     for (std::int64_t i = begin; i < end; ++i) {
                       const float slope = factor * source[i];
                       speeds[i] = keep * speeds[i] + slope;
                       values[i] -= rate * (slope + keep * speeds[i]);
                     }
                   });
}

}  // namespace enas::nn
