// SPDX-License-Identifier: Apache-2.0
#include "child/averaging_trigger.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace enas::child {

bool AveragingTrigger::check(double validation_loss) {
  bool begins = false;
  if (!has_triggered_ && losses_.size() > patience_) {
    const auto last = losses_.end() - static_cast<std::ptrdiff_t>(patience_);
    begins = std::any_of(losses_.begin(), last,
                         [&](double earlier) { return validation_loss > earlier; });
  }
  losses_.push_back(validation_loss);
  has_triggered_ = has_triggered_ || begins;
  return begins;
}

std::vector<double> AveragingTrigger::state() const {
  std::vector<double> state = {has_triggered_ ? 1.0 : 0.0};
  state.insert(state.end(), losses_.begin(), losses_.end());
  return state;
}

void AveragingTrigger::restore(const std::vector<double>& state) {
  if (state.empty() || !(state[0] == 0.0 || state[0] == 1.0)) {
    throw InputError(
        "the state of the averaging trigger must be 0 or 1, then validation losses: the checkpoint "
        "is damaged");
  }
  has_triggered_ = state[0] == 1.0;
  losses_.assign(state.begin() + 1, state.end());
}

}  // namespace enas::child
