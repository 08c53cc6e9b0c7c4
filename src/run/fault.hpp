// SPDX-License-Identifier: Apache-2.0
// Faults on purpose, for tests: ENAS_FAULT=rank:when:kind in the environment, and for flips
// rank:when:kind:bit. Each fires once a process, unless its kind ends in _forever.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run/named_array.hpp"

namespace enas::run {

/// ENAS_FAULT; "" where it is not set.
std::string fault_of_environment();

/// A step that was just done, before anything is compared or stored, and what follows it.
struct FaultMoment {
  std::int64_t step = 0;
  bool ends_round = false;  ///< a round's end, or an epoch's
  bool saves = false;       ///< a checkpoint
  bool stops = false;       ///< the end of this start of the run
};

/// What a kind of flip may hit: the value in the middle of the first array.
struct FlipTarget {
  std::string_view kind;
  std::vector<NamedArray> arrays;
};

/// Kinds: kill, abort, segv (signals to itself), throw (an exception on that rank), hang (never
/// returns), slow (2 s), slow_forever (0.2 s a slot from that step on), skip_sum (stays away from
/// the sum of that weight step), nan (the slot's gradients become NaN), nan_forever (from that step
/// on, on all ranks), huge (in all slots of that step: finite alone, not in sum). Their `when` is a
/// step.
///
/// Flips change one value: flip_weight (that moved), flip_idle (a weight that did not move),
/// flip_momentum (of the optimizer), flip_carried (the carried state of the rank's first slot); of
/// a search flip_strategy, flip_moment (of the strategy's optimizer), flip_baseline; of a training
/// flip_average (a running average), flip_mean (the mean of weights), flip_best (the best weights).
/// Their `when` is a step, or the first "round" that ends (a training's epoch), the first "save" or
/// the "stop". `bit` counts from the lowest one; "exponent" sets all bits of the exponent, which
/// makes the value infinite or NaN. With "_forever" after the kind they come at each such moment.
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
  /// The flip that was asked for, when its moment has come and its target holds values.
  void flip(const FaultMoment& moment, const std::vector<FlipTarget>& targets);

 private:
  bool fires(std::int64_t step, std::string_view kind);
  bool has_come(const FaultMoment& moment) const;

  int rank_;
  int fault_rank_ = -1;
  std::optional<std::int64_t> fault_step_;
  std::string fault_moment_;  ///< round, save or stop; "" where a step is named
  std::string kind_;          ///< of flips without _forever
  int bit_ = 0;
  bool is_repeated_ = false;  ///< a flip that ends in _forever
  bool fired_ = false;
};

}  // namespace enas::run
