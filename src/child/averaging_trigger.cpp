// SPDX-License-Identifier: Apache-2.0
#include "child/averaging_trigger.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace enas::child {

bool AveragingTrigger::check(double validation_loss) {
  const std::size_t num_losses = state_.size() - 1;
  bool begins = false;
  if (!has_triggered() && num_losses > patience_) {
    const auto last = state_.end() - static_cast<std::ptrdiff_t>(patience_);
    begins = std::any_of(state_.begin() + 1, last,
                         [&](double earlier) { return validation_loss > earlier; });
  }
  state_.push_back(validation_loss);
  if (begins) state_.front() = 1.0;
  return begins;
}

void AveragingTrigger::validate() const {
  if (!state_.empty() && (state_[0] == 0.0 || state_[0] == 1.0)) return;
  throw InputError(
      "the state of the averaging trigger must be 0 or 1, then validation losses: the checkpoint "
      "is damaged");
}

}  // namespace enas::child
