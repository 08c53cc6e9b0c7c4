// SPDX-License-Identifier: Apache-2.0
#include "run/flip_targets.hpp"

#include <string_view>

#include "run/slot_states.hpp"

namespace enas::run {

namespace {

std::vector<NamedArray> arrays_in(const State& state, std::string_view path,
                                  std::string_view prefix = "") {
  std::vector<NamedArray> found;
  if (const auto* group = state.group(path)) {
    for (const auto& array : group->arrays) {
      if (array.name.starts_with(prefix)) found.push_back(array);
    }
  }
  return found;
}

/// The array of weight `number`; nothing when the group has no such array.
std::vector<NamedArray> array_of_weight(const State& state, std::string_view path, int number) {
  const auto all = arrays_in(state, path);
  if (number < 0 || number >= static_cast<int>(all.size())) return {};
  return {all[static_cast<std::size_t>(number)]};
}

/// The lowest number that is not among `moved`.
int first_idle(const std::vector<int>& moved) {
  int number = 0;
  for (const int each : moved) number += each == number ? 1 : 0;
  return number;
}

}  // namespace

std::vector<FlipTarget> flip_targets(const State& state, const std::vector<int>& moved) {
  const int first = moved.empty() ? -1 : moved.front();
  const auto* slots = state.slots();
  return {{"flip_weight", array_of_weight(state, "/weights", first)},
          {"flip_idle", array_of_weight(state, "/weights", first_idle(moved))},
          {"flip_momentum", array_of_weight(state, "/momentum", first)},
          {"flip_carried", slots != nullptr ? carried_arrays(*slots->own) : arrays_in(state, "")},
          {"flip_average", arrays_in(state, "/averages")},
          {"flip_mean", arrays_in(state, "/mean")},
          {"flip_best", arrays_in(state, "/best/weights")},
          {"flip_strategy", arrays_in(state, "/strategy")},
          {"flip_moment", arrays_in(state, "/strategy", "first_moment/")},
          {"flip_baseline", arrays_in(state, "/strategy", "baseline")}};
}

}  // namespace enas::run
