// SPDX-License-Identifier: Apache-2.0
// Highway nodes of float32 rows on the CPU, one pass over each row, in SIMD. Every element is
// computed alone, so the bits do not depend on how rows are spread over threads. Each call runs on
// one thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace enas::nn {

enum class NodeFunction { tanh, relu, identity, sigmoid };

/// Rows of a node as in highway_node.hpp: u has 2 · width floats a row, all others width. Null
/// pointers stand for undefined tensors.
struct HighwayRows {
  NodeFunction function = NodeFunction::tanh;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  const float* carry = nullptr;
  const float* mask = nullptr;
  float* u = nullptr;
};

void highway_forward_rows(const HighwayRows& node, float* h, float* masked);

struct HighwayGradientRows {
  const float* top = nullptr;
  float top_scale = 1.0F;
  const float* direct = nullptr;
  const float* masked = nullptr;
};

void highway_backward_rows(const HighwayRows& node, const HighwayGradientRows& gradient,
                           float* carry_gradient, bool accumulate);

/// out = scale · Σ sources.
void scaled_sum(const float* const* sources, std::size_t num_sources, std::int64_t count,
                float scale, float* out);
/// out = a + b + c ⊗ mask; a null mask stands for ones, a null a for zeros.
void add_masked(const float* a, const float* b, const float* c, const float* mask,
                std::int64_t count, float* out);
/// out = in ⊗ mask; a null mask stands for ones.
void apply_mask(const float* in, const float* mask, std::int64_t count, float* out);

/// Nearest bfloat16, ties to even; NaN stays NaN.
void to_bfloat16(const float* values, std::int64_t count, std::uint16_t* rounded);

}  // namespace enas::nn
