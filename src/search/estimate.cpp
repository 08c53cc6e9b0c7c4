// SPDX-License-Identifier: Apache-2.0
// What a search would need, before it is started.

#include <memory>
#include <set>
#include <tuple>

#include "controller/controller.hpp"
#include "core/error.hpp"
#include "search/evaluator/evaluator.hpp"
#include "search/search.hpp"
#include "search/strategy/random.hpp"
#include "space/space_options.hpp"
#include "supernet/make.hpp"

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
std::unique_ptr<supernet::Supernet> narrow_supernet(const Settings& settings) {
  supernet::Options narrow = settings.supernet;
  narrow.recurrent.hidden = 1;
  narrow.macro.filters = 2;
  narrow.micro.filters = 2;
  return supernet::make_supernet(settings.space, narrow,
                                 {.vocabulary_size = 2, .channels = 1, .num_classes = 2},
                                 settings.run.seed);
}

/// What one slot's forward and backward pass keeps, in bytes.
double activation_bytes(const Settings& settings, const nn::DataShape& data) {
  const double batch = settings.weights.batch_size;
  const double pixels = static_cast<double>(data.height) * data.width;
  switch (settings.space.kind) {
    case space::SpaceKind::recurrent: {
      // A cell keeps, for each step and node, value, gate, activation and their gradients.
      const double hidden = settings.supernet.recurrent.hidden;
      const double rows = batch * settings.weights.segments.segment_length;
      const double cell = rows * hidden * (6.0 * settings.space.recurrent.nodes + 8.0);
      const double logits = 2.0 * 256.0 * data.vocabulary_size;
      return 4.0 * (cell + logits + batch * hidden);
    }
    case space::SpaceKind::macro: {
      // A layer keeps three maps, the gradients of two more are alive; two thirds of the layers are
      // on a quarter or a sixteenth of the pixels.
      const double layers = settings.space.macro.layers * (1.0 + 1.0 / 4.0 + 1.0 / 16.0) / 3.0;
      return 4.0 * batch * pixels * settings.supernet.macro.filters * 5.0 * (layers + 1.0);
    }
    case space::SpaceKind::micro: {
      // A node keeps its sum and two maps a side at most; doubled widths on quartered pixels halve
      // the cost of a cell twice.
      const auto& options = settings.supernet.micro;
      const double cells = (options.cells + 2) * (1.0 + 1.0 / 2.0 + 1.0 / 4.0) / 3.0;
      const double nodes = settings.space.micro.nodes - 2;
      return 4.0 * batch * pixels * options.filters * 5.0 * nodes * (cells + 1.0);
    }
  }
  throw ContractError("unknown kind of space");
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
  const auto space = space::make_space(settings.space);
  const auto evaluator = make_evaluator(settings, space, {});
  const nn::DataShape data = evaluator->data_shape();
  const bool is_trained = evaluator->shared() != nullptr;
  const auto counts =
      is_trained ? weight_counts(supernet::weight_shapes(settings.space, settings.supernet, data))
                 : std::vector<std::int64_t>();
  Estimate result;
  for (const auto count : counts) result.supernet_parameters += count;
  if (settings.strategy == StrategyKind::reinforce) {
    result.controller_parameters =
        controller::Controller(space, settings.controller, settings.run.seed).num_parameters();
  }
  result.space_size = space.size_text();
  result.paper_space_size = space::paper_space_size(settings.space);
  result.max_entropy_nats = space.max_entropy();
  result.weight_steps_per_round = evaluator->weight_steps(0);
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
  const double carried = is_trained && settings.space.kind == space::SpaceKind::recurrent
                             ? 4.0 * settings.weights.slots * settings.weights.batch_size *
                                   settings.supernet.recurrent.hidden
                             : 0.0;
  result.checkpoint_bytes = weights + 12.0 * static_cast<double>(result.controller_parameters) +
                            carried +
                            copies * static_cast<double>(counts.size()) * kBytesPerDataset;
  const double library = 350e6;  // LibTorch and MPI as loaded
  const double activations = is_trained ? activation_bytes(settings, data) : 0.0;
  result.memory_per_rank_bytes = library + weights + activations + 4.0 * result.child_parameters +
                                 levels * result.bytes_reduced_per_step + result.checkpoint_bytes;
  result.data = evaluator->describe_data();
  result.warnings = evaluator->data_warnings();
  return result;
}

}  // namespace enas::search
