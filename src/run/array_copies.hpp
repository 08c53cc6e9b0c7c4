// SPDX-License-Identifier: Apache-2.0
// Room for what is read from a checkpoint, until all of it was checked.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "run/named_array.hpp"

namespace enas::run {

/// Arrays of the same names, shapes and types as `like` with memory of their own, zero at first.
class ArrayCopies {
 public:
  explicit ArrayCopies(std::span<const NamedArray> like);
  ArrayCopies(ArrayCopies&&) = default;
  ArrayCopies& operator=(ArrayCopies&&) = default;

  const std::vector<NamedArray>& arrays() const { return arrays_; }

 private:
  using Values = std::variant<std::vector<float>, std::vector<double>, std::vector<std::int32_t>,
                              std::vector<std::int64_t>>;
  std::vector<Values> values_;
  std::vector<NamedArray> arrays_;
};

}  // namespace enas::run
