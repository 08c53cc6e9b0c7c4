// SPDX-License-Identifier: Apache-2.0
// A sparse Markov chain over words: its tables, its exact entropy rate, and sequences drawn from
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/random.hpp"
#include "data/markov_corpus.hpp"

namespace enas::data {

/// Each context (the last `order` words) has `branching` distinct successors, drawn uniformly, with
/// probabilities drawn uniformly from the simplex. Sequences stay in one closed class of contexts,
/// in which every context can be reached from every other one.
class MarkovSource {
 public:
  /// Throws ConfigError for options out of range.
  explicit MarkovSource(const MarkovOptions& options);

  /// Probability of `word` after the last `order` words of `history`.
  double probability(std::span<const std::int32_t> history, std::int32_t word) const;
  /// Entropy of the next word in nats: the mean over contexts under the stationary distribution,
  /// which is found by power iteration until a step changes it by less than 1e-12 in all.
  double entropy_rate() const { return entropy_rate_; }
  /// Mean of -log probability() in nats over the words of a text that have a whole context before
  /// them: the loss on this text of a model that knows the true probabilities.
  double loss(std::span<const std::int32_t> words) const;
  /// `length` words, the first `order` of them a context drawn from the stationary distribution.
  std::vector<std::int32_t> draw(std::size_t length, RandomStream& stream) const;

 private:
  using Context = std::uint32_t;  // the words of a context as digits in base `vocabulary`
  using Contexts = std::vector<Context>;

  void draw_tables(RandomStream stream);
  Context next(Context context, std::int32_t word) const;
  std::span<const std::int32_t> successors(Context context) const;
  std::span<const double> weights(Context context) const;
  Contexts reachable_from(Context start) const;
  Contexts closed_class() const;
  void find_stationary(const Contexts& contexts);
  double mean_entropy() const;

  int vocabulary_;
  int order_;
  std::size_t branching_;
  std::uint32_t num_contexts_ = 1;
  std::vector<std::int32_t> successors_;  // [context, branch]
  std::vector<double> weights_;           // [context, branch], each context sums to 1
  std::vector<double> stationary_;        // [context], zero outside the closed class
  double entropy_rate_ = 0.0;
};

}  // namespace enas::data
