// SPDX-License-Identifier: Apache-2.0
// What one process would do, written from the definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "data/corpus.hpp"
#include "data/image_batches.hpp"
#include "data/markov_corpus.hpp"
#include "data/shapes.hpp"
#include "data/token_columns.hpp"
#include "mpi/search/small_search.hpp"

namespace enas::search {

/// Weight steps by one process: a recursion over slots, then one update.
class SequentialSteps {
 public:
  explicit SequentialSteps(const SmallSearch& parts) : parts_(parts) {
    for (int slot = 0; slot < parts.settings.weights.slots; ++slot) {
      states.push_back(parts.supernet->initial_state(parts.settings.weights.batch_size));
    }
    if (parts.settings.weights.momentum == 0.0) return;
    for (const auto& weight : parts.supernet->weights()) {
      velocities.emplace_back(static_cast<std::size_t>(weight.value.numel()), 0.0F);
    }
  }

  /// `bad_slots` give no gradient. Returns the norm before clipping.
  double step(const PhaseChildren& children, const task::StepPlace& place, double lr,
              const std::set<int>& bad_slots = {}) {
    const auto& options = parts_.settings.weights;
    gradients_.assign(states.size(), {});
    losses.assign(states.size(), 0.0);
    correct.assign(states.size(), 0);
    for (int slot = 0; slot < options.slots; ++slot) {
      const auto child = children.child(parts_.space.id(), slot, place.index);
      run_slot(slot, child, place, bad_slots.contains(slot));
    }
    const auto num_good = static_cast<double>(states.size() - bad_slots.size());
    std::vector<std::optional<std::vector<float>>> sums;
    double squares = 0.0;
    for (std::size_t number = 0; number < parts_.supernet->weights().size(); ++number) {
      sums.push_back(tree_sum(number, 0, options.slots));
      if (!sums.back()) continue;
      for (const float value : *sums.back()) squares += static_cast<double>(value) * value;
    }
    const double norm = std::sqrt(squares) / num_good;
    double scale = 1.0 / num_good;
    if (options.clip_norm > 0.0 && norm > options.clip_norm) scale *= options.clip_norm / norm;
    for (std::size_t number = 0; number < sums.size(); ++number) {
      if (sums[number]) move(number, *sums[number], scale, lr);
    }
    return norm;
  }

  std::vector<at::Tensor> states;  ///< carried, one a slot
  std::vector<double> losses;
  std::vector<std::int64_t> correct;
  std::vector<std::vector<float>> velocities;  ///< one a weight; none without momentum

 private:
  void run_slot(int slot, const space::Architecture& child, const task::StepPlace& place,
                bool bad) {
    const auto& options = parts_.settings.weights;
    auto& state = states[static_cast<std::size_t>(slot)];
    const auto result =
        parts_.supernet->gradient(child, parts_.task->training_batch(place, slot), state,
                                  {parts_.settings.run.seed, static_cast<std::uint64_t>(slot),
                                   static_cast<std::uint64_t>(place.step)});
    losses[static_cast<std::size_t>(slot)] = result.loss;
    correct[static_cast<std::size_t>(slot)] = result.correct;
    auto& own = gradients_[static_cast<std::size_t>(slot)];
    own.resize(parts_.supernet->weights().size());
    if (bad) {
      state = parts_.supernet->initial_state(options.batch_size);
      return;
    }
    const auto touched = parts_.supernet->touched(child);
    const auto decay = static_cast<float>(options.weight_decay);
    for (std::size_t i = 0; i < touched.size(); ++i) {
      auto values = values_of(result.gradients[i]);
      if (parts_.weight(touched[i]).decays || options.decay_norms) {
        const auto weight = values_of(parts_.weight(touched[i]).value);
        for (std::size_t j = 0; j < values.size(); ++j) values[j] += decay * weight[j];
      }
      own[static_cast<std::size_t>(touched[i])] = std::move(values);
    }
  }

  void move(std::size_t number, const std::vector<float>& sum, double scale, double lr) {
    auto* weight = parts_.supernet->weights()[number].value.data_ptr<float>();
    if (velocities.empty()) {
      const auto factor = static_cast<float>(lr * scale);
      for (std::size_t i = 0; i < sum.size(); ++i) weight[i] -= factor * sum[i];
      return;
    }
    const auto momentum = static_cast<float>(parts_.settings.weights.momentum);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const float slope = static_cast<float>(scale) * sum[i];
      float& velocity = velocities[number][i];
      velocity = momentum * velocity + slope;
      weight[i] -= static_cast<float>(lr) * (slope + momentum * velocity);
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

/// Batches of the validation split, made from the data itself.
class ValidationData {
 public:
  explicit ValidationData(const Settings& settings) : settings_(settings) {
    if (settings.space.kind == space::SpaceKind::recurrent) {
      corpus_ = data::make_markov_corpus(settings.data.markov);
    } else {
      images_ = data::make_shapes(settings.data.shapes);
    }
  }

  supernet::Batch reward(int rollout, std::int64_t step) const {
    const auto& options = settings_.rollout;
    const auto index = static_cast<std::uint64_t>(rollout);
    const auto at_step = static_cast<std::uint64_t>(step);
    if (settings_.space.kind != space::SpaceKind::recurrent) {
      const auto batch = image_batches().reward(options.batch_size, index, at_step);
      return {batch.input, batch.target};
    }
    const data::TokenColumns columns(corpus_.valid, options.batch_size, "valid", "");
    RandomStream random(settings_.run.seed, {Purpose::reward_batch, index, at_step});
    // The last position leaves room for the targets.
    const auto last = columns.column_length() - options.segment_length - 1;
    const auto position = random.next_below(static_cast<std::uint64_t>(last + 1));
    const auto tokens = columns.batch(0, options.batch_size, static_cast<std::int64_t>(position),
                                      options.segment_length);
    return {tokens.input, tokens.target};
  }

  /// The `number`-th batch or segment of a round's end.
  supernet::Batch at_round_end(std::int64_t number) const {
    const int size = settings_.validation.batch_size;
    if (settings_.space.kind != space::SpaceKind::recurrent) {
      const auto batch = image_batches().validation(size * number, size);
      return {batch.input, batch.target};
    }
    const data::TokenColumns columns(corpus_.valid, size, "valid", "");
    const std::int64_t length = settings_.weights.segments.segment_length;
    const auto tokens = columns.batch(0, size, length * number, length);
    return {tokens.input, tokens.target};
  }

 private:
  data::ImageBatches image_batches() const {
    return {images_, settings_.data.augment, settings_.weights.slots, settings_.weights.batch_size,
            settings_.run.seed};
  }

  const Settings& settings_;
  data::Corpus corpus_;
  data::ImageSet images_;
};

/// A scored child as the search sees it.
inline space::Rollout rollout_from(const Settings& settings, const space::Architecture& child,
                                   const supernet::Score& score) {
  const auto count = static_cast<double>(score.count);
  const double loss = score.nats / count;
  const bool text = settings.space.kind == space::SpaceKind::recurrent;
  return {child, loss, text ? std::exp(loss) : static_cast<double>(score.correct) / count,
          space::RolloutStatus::ok};
}

/// Where the children of a step draw their numbers.
inline std::vector<Address> addresses_of(Purpose purpose, int count, std::int64_t step) {
  std::vector<Address> addresses;
  for (int i = 0; i < count; ++i) {
    addresses.push_back({purpose, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(step)});
  }
  return addresses;
}

/// Rollouts and rewards of one step by one process, which also learns from them.
struct SequentialControllerStep {
  SequentialControllerStep(SmallSearch& parts, std::int64_t step) {
    const auto& options = parts.settings.rollout;
    const ValidationData validation(parts.settings);
    const auto children =
        parts.strategy.propose(addresses_of(Purpose::rollout, options.rollouts, step));
    for (int i = 0; i < options.rollouts; ++i) {
      const auto& child = children.at(static_cast<std::size_t>(i));
      const auto batch = validation.reward(i, step);
      targets.push_back(batch.target);
      auto state = parts.supernet->initial_state(options.batch_size);
      rollouts.push_back(
          rollout_from(parts.settings, child, parts.supernet->score(child, batch, state)));
      const double metric = rollouts.back().metric;
      const double text_reward = std::min(
          options.reward_cap, options.reward_scale / std::pow(metric, options.reward_exponent));
      rewards.push_back(parts.settings.space.kind == space::SpaceKind::recurrent ? text_reward
                                                                                 : metric);
    }
    learned = parts.strategy.learn_on_root(rollouts, rewards);
  }

  std::vector<space::Rollout> rollouts;
  std::vector<double> rewards;
  std::vector<at::Tensor> targets;  ///< of the rollouts' batches
  LearnReport learned;
};

inline void expect_equal(const std::vector<space::Rollout>& a,
                         const std::vector<space::Rollout>& b) {
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    EXPECT_EQ(a[i].architecture, b[i].architecture);
    EXPECT_TRUE(same_bits(a[i].loss, b[i].loss)) << a[i].loss << " " << b[i].loss;
    EXPECT_TRUE(same_bits(a[i].metric, b[i].metric)) << a[i].metric << " " << b[i].metric;
    EXPECT_EQ(a[i].status, b[i].status);
  }
}

}  // namespace enas::search
