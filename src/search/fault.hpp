// SPDX-License-Identifier: Apache-2.0
// Faults on purpose, for tests: ENAS_FAULT=rank:step:kind in the environment. Each fires once a
// process.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "search/named_array.hpp"

namespace enas::search {

/// ENAS_FAULT; "" where it is not set.
std::string fault_of_environment();

/// Kinds: kill (SIGKILL), throw (an exception on that rank), hang (never returns), slow (2 s), nan
/// (the slot's gradients become NaN), nan_forever (from that step on, on all ranks), flip_weight,
/// flip_strategy (one bit of one value, before the digests of that step).
class FaultInjector {
 public:
  /// `text` is the variable's value, or "" for none. Throws ConfigError when it cannot be read.
  FaultInjector(const std::string& text, int rank);

  /// kill, throw, hang and slow, at the start of a step.
  void strike(std::int64_t step);
  void corrupt_gradient(std::int64_t step, std::vector<at::Tensor>& gradients);
  /// flip_weight and flip_strategy: `kind` says which arrays these are.
  void flip_bit(std::int64_t step, const char* kind, std::vector<NamedArray> arrays);

 private:
  bool fires(std::int64_t step, const char* kind);

  int rank_;
  int fault_rank_ = -1;
  std::int64_t fault_step_ = -1;
  std::string kind_;
  bool fired_ = false;
};

}  // namespace enas::search
