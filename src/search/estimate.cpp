// SPDX-License-Identifier: Apache-2.0
// What a search would need, before it is started.

#include <memory>
#include <set>
#include <tuple>

#include "core/text.hpp"
#include "search/random_strategy.hpp"
#include "search/search.hpp"
#include "search/spaces.hpp"
#include "search/task.hpp"

namespace enas::search {

namespace {

constexpr int kSampledSteps = 50;
/// Headers, index and checksum of a small HDF5 dataset, with its share of groups; as measured.
constexpr double kBytesPerDataset = 1400.0;

/// Sizes of the weights by number.
std::vector<std::int64_t> weight_counts(const std::vector<supernet::WeightShape>& shapes) {
  std::vector<std::int64_t> counts;
  for (const auto& shape : shapes) counts.push_back(shape.count());
  return counts;
}

/// A supernet with the same weights in the same order, but hardly any values: which weights a child
/// touches does not depend on their sizes.
std::unique_ptr<supernet::Supernet> narrow_supernet(Settings settings) {
  settings.supernet.recurrent.hidden = 1;
  settings.supernet.macro.filters = 2;
  settings.supernet.micro.filters = 2;
  return make_supernet(settings, {{.vocabulary_size = 2, .channels = 1, .num_classes = 2}});
}

/// Mean parameters of a uniform child and of the union of `slots` children.
std::pair<double, double> mean_sizes(const Settings& settings, const space::SearchSpace& space,
                                     const std::vector<std::int64_t>& counts) {
  if (counts.empty()) return {};
  const RandomStrategy uniform(space, settings.run.seed);
  const auto supernet = narrow_supernet(settings);
  const int slots = settings.weights.children == Children::shared ? 1 : settings.weights.slots;
  double child = 0.0;
  double together = 0.0;
  for (int step = 0; step < kSampledSteps; ++step) {
    std::set<int> all;
    for (int slot = 0; slot < slots; ++slot) {
      const Address address{Purpose::sample, static_cast<std::uint64_t>(slot),
                            static_cast<std::uint64_t>(step)};
      for (const int weight : supernet->touched(uniform.propose(1, address).front())) {
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
  const auto task = make_task(settings, {});
  const auto space = make_space(settings.space);
  const auto counts = weight_counts(weight_shapes(settings, task->data_shape()));
  Estimate result;
  for (const auto count : counts) result.supernet_parameters += count;
  if (settings.strategy == StrategyKind::reinforce) {
    result.controller_parameters =
        controller::Controller(space, settings.controller, settings.run.seed).num_parameters();
  }
  result.space_size = space.size_text();
  result.paper_space_size = paper_space_size(settings.space);
  result.max_entropy_nats = space.max_entropy();
  result.weight_steps_per_round = task->steps_in_pass(0);
  result.controller_steps_per_round = settings.rollout.steps;
  result.total_steps =
      settings.rounds * (result.weight_steps_per_round + result.controller_steps_per_round);
  std::tie(result.child_parameters, result.union_parameters) = mean_sizes(settings, space, counts);
  result.bytes_reduced_per_step = 4.0 * result.union_parameters;

  const int own_slots = (settings.weights.slots + num_ranks - 1) / num_ranks;
  int levels = 2;
  while ((1 << (levels - 2)) < own_slots) ++levels;
  const double copies = settings.weights.momentum > 0.0 ? 2.0 : 1.0;
  const double weights = 4.0 * copies * static_cast<double>(result.supernet_parameters);
  const double carried = settings.space.kind == SpaceKind::recurrent
                             ? 4.0 * settings.weights.slots * settings.weights.batch_size *
                                   settings.supernet.recurrent.hidden
                             : 0.0;
  result.checkpoint_bytes = weights + 12.0 * static_cast<double>(result.controller_parameters) +
                            carried +
                            copies * static_cast<double>(counts.size()) * kBytesPerDataset;
  const double library = 350e6;  // LibTorch and MPI as loaded
  result.memory_per_rank_bytes = library + weights + task->activation_bytes() +
                                 4.0 * result.child_parameters +
                                 levels * result.bytes_reduced_per_step + result.checkpoint_bytes;
  result.data = task->describe_data();
  result.warnings = task->data_warnings();
  return result;
}

}  // namespace enas::search
