// SPDX-License-Identifier: Apache-2.0
// A search small enough to be recomputed by each rank alone, and what that sequential search would
// do.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "comm/mpi_reducer.hpp"
#include "search/corpus_source.hpp"
#include "search/random_strategy.hpp"
#include "search/reinforce_strategy.hpp"
#include "search/search_state.hpp"
#include "search/weight_step.hpp"
#include "space/recurrent.hpp"
#include "support/mpi_main.hpp"

namespace enas::search {

inline Settings small_settings(int slots = 4) {
  Settings settings;
  settings.run.seed = 11;
  settings.data.source = DataSource::markov;
  settings.data.markov = {.vocabulary = 20,
                          .order = 1,
                          .branching = 3,
                          .train_tokens = 100 * slots,
                          .valid_tokens = 200,
                          .test_tokens = 50,
                          .seed = 2};
  settings.space.nodes = 3;
  settings.supernet.hidden = 8;
  settings.supernet.init_range = 0.3;
  settings.controller.hidden = 12;
  settings.reinforce.lr = 0.01;
  settings.weights.slots = slots;
  settings.weights.batch_size = 3;
  settings.weights.segments.segment_length = 5;
  settings.weights.lr = 0.5;
  settings.weights.clip_norm = 0.1;
  settings.weights.weight_decay = 1e-3;
  settings.rollout.rollouts = 5;
  settings.rollout.batch_size = 4;
  settings.rollout.segment_length = 6;
  settings.validation.children = 5;
  settings.validation.batch_size = 4;
  settings.validation.segments = 3;
  return settings;
}

/// The parts that a search works on. Every rank makes its own replica.
struct SmallSearch {
  explicit SmallSearch(const Settings& chosen, std::uint64_t seed = 11)
      : settings(chosen),
        corpus(load_corpus(settings.data)),
        columns(corpus, settings),
        space(space::recurrent_space(settings.space)),
        supernet(settings.space, settings.supernet, corpus.vocabulary_size(), seed),
        strategy(space, settings.controller, settings.reinforce, seed) {}

  const supernet::Weight& weight(int number) const {
    return supernet.weights()[static_cast<std::size_t>(number)];
  }
  /// State at the start of a weight phase of `steps` uniform children.
  SearchState new_state(int num_own_slots, std::int64_t steps) const {
    SearchState state;
    state.children = {settings.weights.slots, steps, space.num_tokens(), {}};
    const RandomStrategy uniform(space, settings.run.seed);
    for (int slot = 0; slot < settings.weights.slots; ++slot) {
      for (const auto& child :
           uniform.propose(steps, {Purpose::test, static_cast<std::uint64_t>(slot), 0})) {
        state.children.tokens.insert(state.children.tokens.end(), child.tokens.begin(),
                                     child.tokens.end());
      }
    }
    for (int i = 0; i < num_own_slots; ++i) {
      state.slot_state.push_back(supernet.initial_state(settings.weights.batch_size));
    }
    return state;
  }

  Settings settings;
  data::Corpus corpus;
  CorpusColumns columns;
  space::SearchSpace space;
  supernet::RecurrentSupernet supernet;
  ReinforceStrategy strategy;
};

inline std::vector<float> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

inline std::vector<std::vector<float>> all_weights(const supernet::Supernet& supernet) {
  std::vector<std::vector<float>> values;
  for (const auto& weight : supernet.weights()) values.push_back(values_of(weight.value));
  return values;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

inline io::Digest weights_digest(const supernet::Supernet& supernet) {
  return digest_of(arrays_of(supernet));
}

/// Flips the lowest bit of one value.
inline void flip_bit(const NamedArray& array) { array.bytes()[0] ^= std::byte{1}; }

/// Weight steps by one process, written from the definition: a recursion over slots, then one
/// update.
class SequentialSteps {
 public:
  explicit SequentialSteps(const SmallSearch& parts) : parts_(parts) {
    for (int slot = 0; slot < parts.settings.weights.slots; ++slot) {
      states.push_back(parts.supernet.initial_state(parts.settings.weights.batch_size));
    }
  }

  /// `bad_slots` give no gradient. Returns the norm before clipping.
  double step(const PhaseChildren& children, std::int64_t index, std::int64_t step,
              const data::Segment& segment, double lr, const std::set<int>& bad_slots = {}) {
    const auto& options = parts_.settings.weights;
    gradients_.assign(states.size(), {});
    losses.assign(states.size(), 0.0);
    for (int slot = 0; slot < options.slots; ++slot) {
      const auto child = children.child(parts_.space.id(), slot, index);
      run_slot(slot, child, segment, step, bad_slots.contains(slot));
    }
    const auto num_good = static_cast<double>(states.size() - bad_slots.size());
    std::vector<std::optional<std::vector<float>>> sums;
    double squares = 0.0;
    for (std::size_t number = 0; number < parts_.supernet.weights().size(); ++number) {
      sums.push_back(tree_sum(number, 0, options.slots));
      if (!sums.back()) continue;
      for (const float value : *sums.back()) squares += static_cast<double>(value) * value;
    }
    const double norm = std::sqrt(squares) / num_good;
    double scale = 1.0 / num_good;
    if (options.clip_norm > 0.0 && norm > options.clip_norm) scale *= options.clip_norm / norm;
    for (std::size_t number = 0; number < sums.size(); ++number) {
      if (!sums[number]) continue;
      auto* weight = parts_.supernet.weights()[number].value.data_ptr<float>();
      const auto factor = static_cast<float>(lr * scale);
      for (std::size_t i = 0; i < sums[number]->size(); ++i) {
        weight[i] -= factor * (*sums[number])[i];
      }
    }
    return norm;
  }

  std::vector<at::Tensor> states;  ///< carried, one a slot
  std::vector<double> losses;

 private:
  void run_slot(int slot, const space::Architecture& child, const data::Segment& segment,
                std::int64_t step, bool bad) {
    const auto& options = parts_.settings.weights;
    const auto tokens = parts_.columns.train.batch(slot * options.batch_size, options.batch_size,
                                                   segment.position, segment.length);
    auto& state = states[static_cast<std::size_t>(slot)];
    const auto result =
        parts_.supernet.gradient(child, {tokens.input, tokens.target}, state,
                                 {parts_.settings.run.seed, static_cast<std::uint64_t>(slot),
                                  static_cast<std::uint64_t>(step)});
    losses[static_cast<std::size_t>(slot)] = result.loss;
    auto& own = gradients_[static_cast<std::size_t>(slot)];
    own.resize(parts_.supernet.weights().size());
    if (bad) {
      state = parts_.supernet.initial_state(options.batch_size);
      return;
    }
    const auto touched = parts_.supernet.touched(child);
    const auto decay = static_cast<float>(options.weight_decay);
    for (std::size_t i = 0; i < touched.size(); ++i) {
      auto values = values_of(result.gradients[i]);
      const auto weight = values_of(parts_.weight(touched[i]).value);
      for (std::size_t j = 0; j < values.size(); ++j) values[j] += decay * weight[j];
      own[static_cast<std::size_t>(touched[i])] = std::move(values);
    }
  }

  /// Sum over [begin, begin + width') ∩ [0, W), width' the power of two that is not less than
  /// `width`.
  std::optional<std::vector<float>> tree_sum(std::size_t weight, int begin, int width) const {
    if (begin >= parts_.settings.weights.slots) return std::nullopt;
    if (width <= 1) {
      const auto& own = gradients_[static_cast<std::size_t>(begin)][weight];
      return own.empty() ? std::nullopt : std::optional(own);
    }
    int half = 1;
    while (2 * half < width) half *= 2;
    auto left = tree_sum(weight, begin, half);
    const auto right = tree_sum(weight, begin + half, half);
    if (!left) return right;
    if (!right) return left;
    for (std::size_t i = 0; i < left->size(); ++i) (*left)[i] += (*right)[i];
    return left;
  }

  const SmallSearch& parts_;
  std::vector<std::vector<std::vector<float>>> gradients_;  // [slot][weight], empty where absent
};

}  // namespace enas::search
