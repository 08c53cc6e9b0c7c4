// SPDX-License-Identifier: Apache-2.0
// Matrix products in the precision asked for. Factors and results are float32 in memory; with
// bfloat16 factors are rounded, sums are kept in float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "nn/precision.hpp"

namespace enas::nn {

/// out = a · b, or out += a · b when accumulating, for matrices of any strides. Factors may come in
/// bfloat16 already. Types and devices that have no such product (and float32 precision) take
/// LibTorch's product in the type of `out`.
void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b, Precision precision,
                 bool accumulate = false);

/// The factor as the product reads it: rounded to bfloat16 when the precision asks for it and `a`
/// is float32. For factors of several products.
at::Tensor as_factor(const at::Tensor& a, Precision precision);

/// Whether this CPU has a product of bfloat16 factors with float32 results, so that
/// multiply_bfloat16 may be called.
bool has_mixed_product();

/// out [rows, columns] = left [rows, depth] · right [depth, columns], or += when accumulating.
/// Factors are bits of bfloat16 without gaps between their rows; a transposed one lies in memory as
/// [depth, rows] or [columns, depth]. For loops that call it from several threads at once.
struct MixedProduct {
  const std::uint16_t* left = nullptr;
  bool left_is_transposed = false;
  const std::uint16_t* right = nullptr;
  bool right_is_transposed = false;
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  float* out = nullptr;
  std::int64_t pitch = 0;  ///< of out
  bool accumulate = false;
};
void multiply_bfloat16(const MixedProduct& product);

/// Why this precision is slow on this CPU, with what to set instead; empty if it is not.
std::string precision_problem(Precision precision);

}  // namespace enas::nn
