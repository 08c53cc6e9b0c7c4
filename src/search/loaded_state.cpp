// SPDX-License-Identifier: Apache-2.0
#include "search/loaded_state.hpp"

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::search {

namespace {

void check_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw InputError(
        concat(name, " is ", value, " in the checkpoint; it must be in [", low, ", ", high, "]"));
  }
}

void check_tokens(const std::vector<std::int32_t>& tokens, const space::SearchSpace& space) {
  for (auto begin = tokens.begin(); begin != tokens.end(); begin += space.num_tokens()) {
    space.validate({begin, begin + space.num_tokens()});
  }
}

void check_children(const PhaseChildren& children, const space::SearchSpace& space,
                    const Settings& settings, std::int64_t steps) {
  const bool shared = settings.weights.children == Children::shared;
  check_range("the number of rows of children", children.shape[0],
              shared ? 1 : settings.weights.slots, shared ? 1 : settings.weights.slots);
  check_range("the number of steps of children", children.shape[1], steps, steps);
  check_range("the number of tokens of children", children.shape[2], space.num_tokens(),
              space.num_tokens());
  check_tokens(children.tokens, space);
}

}  // namespace

void check_loaded(const SearchState& loaded, const space::SearchSpace& space,
                  const Settings& settings, const Evaluator& evaluator) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  const Progress& progress = loaded.progress;
  check_range("step", progress.step, 0, kMost);
  check_range("round", progress.round, 0, kMost);
  check_range("phase", progress.phase, 0, 1);
  check_range("bad_steps", progress.bad_steps, 0, kMost);
  check_range("rollbacks", progress.rollbacks, 0, kMost);
  if (!(progress.lr_factor > 0.0 && progress.lr_factor <= 1.0)) {
    throw InputError(
        concat("lr_factor is ", progress.lr_factor, " in the checkpoint; it must be in (0, 1]"));
  }
  if (progress.in_weight_phase()) {
    const std::int64_t steps = evaluator.weight_steps(progress.round);
    check_range("index", progress.index, 0, steps - 1);
    if (progress.index > 0) check_children(loaded.children, space, settings, steps);
  } else {
    check_range("index", progress.index, 0, settings.rollout.steps - 1);
  }
  if (!loaded.best.tokens.empty()) {
    space.validate(loaded.best.tokens);
    check_range("the step of the best child", loaded.best.step, 0, progress.step);
    if (!std::isfinite(loaded.best.metric)) {
      throw InputError(concat("the best child's metric is ", loaded.best.metric,
                              " in the checkpoint; it must be finite"));
    }
  }
}

}  // namespace enas::search
