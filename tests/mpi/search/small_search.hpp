// SPDX-License-Identifier: Apache-2.0
// The parts of a search small enough to be recomputed by each rank alone.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "search/evaluator/shared.hpp"
#include "search/search_state.hpp"
#include "search/strategy/random.hpp"
#include "search/strategy/reinforce.hpp"
#include "space/space_options.hpp"
#include "support/mpi_main.hpp"
#include "train/optimizer.hpp"
#include "unit/search/small_settings.hpp"

namespace enas::search {

/// Every rank makes its own replica. Not to be moved: the parts refer to each other.
struct SmallSearch {
  /// `seed` is of initial values and batches. Without `own_slots` the task serves all slots.
  explicit SmallSearch(const Settings& chosen, std::uint64_t seed = 11,
                       std::optional<comm::Block> own_slots = std::nullopt)
      : settings(chosen),
        space(space::make_space(settings.space)),
        evaluator(with_seed(settings, seed),
                  own_slots.value_or(comm::Block{0, settings.weights.slots})),
        task(&evaluator.task()),
        supernet((evaluator.make_weights({}), &evaluator.supernet())),
        optimizer(supernet->weights(), settings.weights),
        strategy(space, settings.controller, settings.reinforce, seed) {}
  SmallSearch(const SmallSearch&) = delete;
  SmallSearch& operator=(const SmallSearch&) = delete;

  static Settings with_seed(Settings settings, std::uint64_t seed) {
    settings.run.seed = seed;
    return settings;
  }
  const supernet::Weight& weight(int number) const {
    return supernet->weights()[static_cast<std::size_t>(number)];
  }
  /// Number of the weight of this name.
  int number_of(const std::string& name) const {
    const auto& weights = supernet->weights();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i].name == name) return static_cast<int>(i);
    }
    throw ContractError("no such weight");
  }
  /// State at the start of a weight phase of `steps` uniform children.
  SearchState new_state(int num_own_slots, std::int64_t steps) const {
    SearchState state;
    state.children = {{settings.weights.slots, steps, space.num_tokens()}, {}};
    const RandomStrategy uniform(space, settings.run.seed);
    for (int slot = 0; slot < settings.weights.slots; ++slot) {
      for (const auto& child :
           uniform.propose(steps, {Purpose::test, static_cast<std::uint64_t>(slot), 0})) {
        state.children.tokens.insert(state.children.tokens.end(), child.tokens.begin(),
                                     child.tokens.end());
      }
    }
    for (int i = 0; i < num_own_slots; ++i) {
      state.slot_state.push_back(supernet->initial_state(settings.weights.batch_size));
    }
    return state;
  }

  Settings settings;
  space::SearchSpace space;
  SharedEvaluator evaluator;
  task::Task* task;
  const supernet::Supernet* supernet;
  train::Optimizer optimizer;
  ReinforceStrategy strategy;
};

inline std::vector<float> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

inline std::vector<float> values_of(const run::NamedArray& array) {
  const auto values = std::get<std::span<float>>(array.values);
  return {values.begin(), values.end()};
}

inline std::vector<std::vector<float>> all_weights(const supernet::Supernet& supernet) {
  std::vector<std::vector<float>> values;
  for (const auto& weight : supernet.weights()) values.push_back(values_of(weight.value));
  return values;
}

inline std::vector<std::vector<float>> all_velocities(
    const std::vector<run::NamedArray>& momentum) {
  std::vector<std::vector<float>> values;
  for (const auto& array : momentum) values.push_back(values_of(array));
  return values;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

inline io::Digest weights_digest(const supernet::Supernet& supernet) {
  return run::digest_of(run::arrays_of(supernet.weights()));
}

/// Flips the lowest bit of one value.
inline void flip_bit(const run::NamedArray& array) { array.bytes()[0] ^= std::byte{1}; }

inline constexpr space::SpaceKind kAllKinds[] = {space::SpaceKind::recurrent,
                                                 space::SpaceKind::macro, space::SpaceKind::micro};

}  // namespace enas::search
