// SPDX-License-Identifier: Apache-2.0
// What a search would need, before it is started.

#include <set>

#include "core/text.hpp"
#include "search/corpus_source.hpp"
#include "search/random_strategy.hpp"
#include "search/search.hpp"

namespace enas::search {

namespace {

constexpr int kSampledSteps = 50;

/// Sizes of the weights by number.
std::vector<std::int64_t> weight_counts(const std::vector<supernet::WeightShape>& shapes) {
  std::vector<std::int64_t> counts;
  for (const auto& shape : shapes) counts.push_back(shape.count());
  return counts;
}

/// Mean parameters of a uniform child and of the union of `slots` children.
std::pair<double, double> mean_sizes(const Settings& settings, const space::SearchSpace& space,
                                     const std::vector<supernet::WeightShape>& shapes) {
  const auto counts = weight_counts(shapes);
  const RandomStrategy uniform(space, settings.run.seed);
  // Which weights a child touches does not depend on their sizes: ask a tiny supernet.
  supernet::RecurrentOptions narrow = settings.supernet;
  narrow.hidden = 1;
  const supernet::RecurrentSupernet supernet(settings.space, narrow, 2, settings.run.seed);
  const int slots = settings.weights.children == Children::shared ? 1 : settings.weights.slots;
  double child = 0.0;
  double together = 0.0;
  for (int step = 0; step < kSampledSteps; ++step) {
    std::set<int> all;
    for (int slot = 0; slot < slots; ++slot) {
      const Address address{Purpose::sample, static_cast<std::uint64_t>(slot),
                            static_cast<std::uint64_t>(step)};
      for (const int weight : supernet.touched(uniform.propose(1, address).front())) {
        all.insert(weight);
        child += static_cast<double>(counts[static_cast<std::size_t>(weight)]) / slots;
      }
    }
    for (const int weight : all) {
      together += static_cast<double>(counts[static_cast<std::size_t>(weight)]);
    }
  }
  return {child / kSampledSteps, together / kSampledSteps};
}

}  // namespace

Estimate estimate(const Settings& settings, int num_ranks) {
  const auto corpus = load_corpus(settings.data);
  const CorpusColumns columns(corpus, settings);
  const auto space = space::recurrent_space(settings.space);
  const auto shapes = supernet::recurrent_weight_shapes(settings.space, settings.supernet,
                                                        corpus.vocabulary_size());
  Estimate result;
  for (const auto count : weight_counts(shapes)) result.supernet_parameters += count;
  if (settings.strategy == StrategyKind::reinforce) {
    result.controller_parameters =
        controller::Controller(space, settings.controller, settings.run.seed).num_parameters();
  }
  result.space_size = space.size_text();
  result.max_entropy_nats = space.max_entropy();
  result.weight_steps_per_round = static_cast<std::int64_t>(
      data::segments_of_pass(settings.weights.segments, columns.train.column_length(),
                             settings.run.seed, 0)
          .size());
  result.controller_steps_per_round = settings.rollout.steps;
  result.total_steps =
      settings.rounds * (result.weight_steps_per_round + result.controller_steps_per_round);
  std::tie(result.child_parameters, result.union_parameters) = mean_sizes(settings, space, shapes);
  result.bytes_reduced_per_step = 4.0 * result.union_parameters;

  // A slot's cell keeps, for each step and node, value, gate, activation and their gradients.
  const double hidden = settings.supernet.hidden;
  const double rows =
      static_cast<double>(settings.weights.batch_size) * settings.weights.segments.segment_length;
  const double activations = 4.0 * rows * hidden * (6.0 * settings.space.nodes + 8.0);
  const double logits = 4.0 * 2.0 * 256.0 * corpus.vocabulary_size();
  const int own_slots = (settings.weights.slots + num_ranks - 1) / num_ranks;
  int levels = 2;
  while ((1 << (levels - 2)) < own_slots) ++levels;
  const double weights = 4.0 * static_cast<double>(result.supernet_parameters);
  result.checkpoint_bytes = weights + 12.0 * static_cast<double>(result.controller_parameters) +
                            4.0 * settings.weights.slots * settings.weights.batch_size * hidden;
  const double library = 350e6;  // LibTorch and MPI as loaded
  result.memory_per_rank_bytes = library + weights + activations + logits +
                                 4.0 * result.child_parameters +
                                 levels * result.bytes_reduced_per_step + result.checkpoint_bytes;
  result.data = describe(corpus);
  return result;
}

}  // namespace enas::search
