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

/// Kinds: kill, abort, segv (signals to itself), throw (an exception on that rank), hang (never
/// returns), slow (2 s), slow_forever (0.2 s a slot from that step on), skip_sum (stays away from that
/// weight step's sum), nan (the slot's gradients become NaN), nan_forever (from that step on, on all
/// ranks), huge (in all slots of that step: finite alone, not in sum). One bit of one value, before
/// that step's digests: flip_weight (that moved), flip_idle (that did not), flip_momentum (of the
/// optimizer), flip_strategy, flip_moment (of the strategy's optimizer).
class FaultInjector {
 public:
  /// `text` is the variable's value, or "" for none. Throws ConfigError when it cannot be read.
  FaultInjector(const std::string& text, int rank);

  /// Whether a fault may still come on this rank.
  bool is_armed() const { return rank_ == fault_rank_ && !fired_; }
  /// kill, abort, segv, throw, hang and slow, at the start of a step.
  void strike(std::int64_t step);
  /// slow_forever, in each slot.
  void drag(std::int64_t step) const;
  bool skips_sum(std::int64_t step) { return fires(step, "skip_sum"); }
  void corrupt_gradient(std::int64_t step, std::vector<at::Tensor>& gradients);
  /// `kind` says which arrays these are; the first one is hit.
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
