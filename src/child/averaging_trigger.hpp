// SPDX-License-Identifier: Apache-2.0
// When the averaging of weights begins: the non-monotone rule of Merity et al. 2018 (algorithm 1).
#pragma once

#include <cstddef>
#include <vector>

namespace enas::child {

/// Averaging begins at the first check whose loss is above the smallest one of all earlier checks
/// but the last `patience`. Until patience + 1 losses are known it cannot begin.
class AveragingTrigger {
 public:
  explicit AveragingTrigger(std::size_t patience) : patience_(patience) {}

  /// Takes in the next validation loss. True at the one check at which averaging begins. Loss or
  /// perplexity, which order alike; one that is not a number never begins it.
  bool check(double validation_loss);
  bool has_triggered() const { return state_.front() == 1.0; }

  /// For checkpoints: 1 or 0 for triggered or not, then the losses so far.
  std::vector<double>& state() { return state_; }
  const std::vector<double>& state() const { return state_; }
  /// Throws InputError when what was put into state() is no state.
  void validate() const;

 private:
  std::size_t patience_;
  std::vector<double> state_ = {0.0};
};

}  // namespace enas::child
