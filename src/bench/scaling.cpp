// SPDX-License-Identifier: Apache-2.0
#include "bench/scaling.hpp"

#include <algorithm>
#include <exception>
#include <memory>

#include "run/together.hpp"
#include "search/strategy/random.hpp"
#include "space/space_options.hpp"
#include "supernet/make.hpp"
#include "task/task.hpp"

namespace enas::bench {

namespace {

/// Seed of the children whose union of weights the model takes.
constexpr std::uint64_t kChildrenSeed = 1;

/// 1, 2, 4, ... and all of them.
std::vector<int> rank_counts(int num_ranks) {
  std::vector<int> counts;
  for (int ranks = 1; ranks < num_ranks; ranks *= 2) counts.push_back(ranks);
  counts.push_back(num_ranks);
  return counts;
}

/// Collective. The benchmark on the first `num_ranks` ranks, known to rank 0; the others sleep.
Report bench_on(comm::World& world, const search::Settings& settings, const Options& options,
                int num_ranks) {
  comm::World part(world, num_ranks);
  Report report;
  std::exception_ptr failure;
  try {
    if (part.is_member()) report = run_bench(part, settings, options);
  } catch (const ConfigError&) {  // on all ranks of the part alike
    failure = std::current_exception();
  }
  world.quiet_barrier();
  run::together(world, [&] {
    if (failure) std::rethrow_exception(failure);
  });
  return report;
}

/// Extrapolates the one-rank measurement.
StepShape shape_of(const WeightBench& single, int slots) {
  const StepSplit& split = single.ranks.front().split;
  StepShape shape;
  shape.slots = slots;
  shape.slot_s = (split.data_s + split.forward_s + split.backward_s + split.pack_s) / slots;
  shape.update_s = split.update_s;
  shape.union_bytes = single.union_bytes;
  return shape;
}

/// Bytes of the weights that `slots` uniform random children use together.
class UnionSize {
 public:
  explicit UnionSize(const search::Settings& settings)
      : supernet_(supernet::make_supernet(
            settings.space, settings.supernet,
            task::make_task(search::task_options(settings), {0, 0})->data_shape(),
            settings.run.seed)),
        space_(space::make_space(settings.space)) {}

  double bytes(int slots) const {
    std::vector<bool> used(supernet_->weights().size(), false);
    const search::RandomStrategy uniform(space_, kChildrenSeed);
    for (const auto& child : uniform.propose(slots, {Purpose::children, 0, 0})) {
      for (const int weight : supernet_->touched(child))
        used[static_cast<std::size_t>(weight)] = true;
    }
    double sum = 0.0;
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) sum += 4.0 * static_cast<double>(supernet_->weights()[i].value.numel());
    }
    return sum;
  }

 private:
  std::unique_ptr<supernet::Supernet> supernet_;
  space::SearchSpace space_;
};

ScalingPrediction predict(ReductionKind kind, const StepShape& shape,
                          const NetworkConstants& network) {
  StepShape alone = shape;
  alone.ranks = 1;
  alone.slots = shape.slots / shape.ranks;
  ScalingPrediction prediction{shape, step_seconds(kind, shape, network), 0.0};
  prediction.efficiency = step_seconds(kind, alone, network) / prediction.step_s;
  return prediction;
}

/// Rank 0.
void add_model(ScalingSeries& series, const search::Settings& settings,
               const ScalingOptions& options, const UnionSize& union_size) {
  StepShape shape = shape_of(series.points.front().weight, settings.weights.slots);
  for (auto& point : series.points) {
    shape.ranks = point.ranks;
    point.model_s = step_seconds(ReductionKind::tree, shape, options.network);
  }
  if (options.slot_s > 0.0) shape.slot_s = options.slot_s;
  for (const int ranks : options.predict) {
    shape.ranks = ranks;
    shape.slots = ranks * options.slots_per_rank;
    const int children = series.children == search::Children::shared ? 1 : shape.slots;
    shape.union_bytes = union_size.bytes(children);
    series.tree.push_back(predict(ReductionKind::tree, shape, options.network));
    series.ring.push_back(predict(ReductionKind::ring, shape, options.network));
  }
}

}  // namespace

ScalingReport run_scaling(comm::World& world, const search::Settings& settings,
                          const ScalingOptions& options) {
  Options bench;
  bench.steps = options.steps;
  bench.repeats = options.repeats;
  bench.controller = false;
  bench.device = options.device;
  ScalingReport report;
  for (const search::Children children : {search::Children::per_slot, search::Children::shared}) {
    search::Settings of_series = settings;
    of_series.weights.children = children;
    ScalingSeries series;
    series.children = children;
    for (const int ranks : rank_counts(world.size())) {
      const Report measured = bench_on(world, of_series, bench, ranks);
      series.points.push_back({ranks, measured.weight, 0.0});
      if (!world.is_root()) continue;
      report.data = measured.data;
      report.example = measured.example;
      report.threads = measured.threads;
      report.weight_bytes = measured.weight_bytes;
    }
    report.series.push_back(series);
  }
  run::together(world, [&] {
    if (!world.is_root()) return;
    const UnionSize union_size(settings);
    for (auto& series : report.series) add_model(series, settings, options, union_size);
  });
  return report;
}

}  // namespace enas::bench
