// SPDX-License-Identifier: Apache-2.0
// Gradients of a step, and their tree sum by a recursion over the definition that shares no code
// with src.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "comm/gradient_reducer.hpp"

namespace enas::comm {

// A step's plan with the gradients of all slots, known to every rank of the test.
struct Step {
  ReductionPlan plan;
  std::vector<std::vector<float>> gradients;  // [slots, total]; NaN where the slot touches nothing
};

// Of widely different magnitude, so that another order of summing gives other bits.
inline float draw_value(std::mt19937_64& random) {
  const auto mantissa = static_cast<float>(static_cast<std::int64_t>(random() >> 40) - (1 << 23));
  return std::ldexp(mantissa, static_cast<int>(random() % 40) - 43);
}

enum class Values {
  wide,   ///< of widely different magnitude
  exact,  ///< whole numbers whose sums are exact, so that every order gives the same bits
};

inline float draw_whole_number(std::mt19937_64& random) {
  return static_cast<float>(static_cast<std::int64_t>(random() % 4001) - 2000);
}

inline Step draw_step(int num_slots, const std::vector<std::int64_t>& lengths, std::uint64_t seed,
                      double share_of_slots, Values values = Values::wide) {
  std::mt19937_64 random(seed);
  Step step;
  step.plan.num_slots = num_slots;
  for (const auto length : lengths) {
    UnionTensor tensor{step.plan.total(), length, {}};
    for (int slot = 0; slot < num_slots; ++slot) {
      if (static_cast<double>(random() % 1000) < 1000 * share_of_slots)
        tensor.slots.push_back(slot);
    }
    if (tensor.slots.empty()) tensor.slots.push_back(static_cast<int>(random() % num_slots));
    step.plan.tensors.push_back(tensor);
  }
  const float garbage = std::numeric_limits<float>::quiet_NaN();
  step.gradients.assign(num_slots, std::vector<float>(step.plan.total(), garbage));
  for (const auto& tensor : step.plan.tensors) {
    for (const int slot : tensor.slots) {
      for (std::int64_t i = 0; i < tensor.length; ++i) {
        step.gradients[slot][tensor.offset + i] =
            values == Values::wide ? draw_value(random) : draw_whole_number(random);
      }
    }
  }
  return step;
}

inline std::optional<float> tree_sum(const Step& step, const UnionTensor& tensor, std::int64_t at,
                                     int begin, int width) {
  if (begin >= step.plan.num_slots) return {};
  if (width == 1) {
    if (!std::count(tensor.slots.begin(), tensor.slots.end(), begin)) return {};
    return step.gradients[begin][at];
  }
  const auto left = tree_sum(step, tensor, at, begin, width / 2);
  const auto right = tree_sum(step, tensor, at, begin + width / 2, width / 2);
  if (left && right) return *left + *right;
  return left ? left : right;
}

inline std::vector<float> expected_sum(const Step& step) {
  std::vector<float> sum;
  for (const auto& tensor : step.plan.tensors) {
    for (std::int64_t i = 0; i < tensor.length; ++i) {
      sum.push_back(tree_sum(step, tensor, tensor.offset + i, 0, 128).value());
    }
  }
  return sum;
}

inline std::size_t num_different_bits(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::max(a.size(), b.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]);
  }
  return different;
}

inline const std::vector<std::int64_t> kMixedLengths{300, 1, 7, 2000, 64, 0, 3, 129, 1000};

}  // namespace enas::comm
