// SPDX-License-Identifier: Apache-2.0
// Named views of the arrays that make up a job's state, for digests, broadcasts and checkpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "io/digest.hpp"
#include "nn/training.hpp"

namespace enas::run {

/// One array in place; writing through it changes the state. Valid while its owner lives.
struct NamedArray {
  std::string name;
  std::vector<std::int64_t> shape;
  std::variant<std::span<float>, std::span<double>, std::span<std::int32_t>,
               std::span<std::int64_t>>
      values;

  std::span<std::byte> bytes() const;
};

NamedArray named_array(const std::string& name, const at::Tensor& value);
/// Weights in their order.
std::vector<NamedArray> arrays_of(std::span<const nn::Weight> weights);

/// Digest of names and bytes, in order.
io::Digest digest_of(std::span<const NamedArray> arrays);
/// Copies values between lists of the same names and shapes.
void copy_values(std::span<const NamedArray> from, std::span<const NamedArray> to);
/// True when every floating-point value is finite.
bool all_finite(const NamedArray& array);

}  // namespace enas::run
