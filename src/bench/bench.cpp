// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <numeric>
#include <span>

#include "core/clock.hpp"
#include "core/memory.hpp"
#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "run/together.hpp"
#include "search/evaluator/shared.hpp"
#include "search/search.hpp"
#include "search/shared_weights.hpp"
#include "search/strategy/random.hpp"
#include "space/space_options.hpp"
#include "train/step.hpp"

namespace enas::bench {

namespace {

/// Of the children that are timed, whatever the configuration's seed.
constexpr std::uint64_t kChildrenSeed = 1;

/// Collective. The largest of all ranks' values.
double largest(comm::World& world, double mine) {
  const auto all = world.all_gather_value(mine);
  return *std::max_element(all.begin(), all.end());
}

void add(StepSplit& split, const train::StepReport& report, double weight) {
  split.data_s += weight * report.data_s;
  split.forward_s += weight * report.forward_s;
  split.backward_s += weight * report.backward_s;
  split.pack_s += weight * report.pack_s;
  split.wait_s += weight * report.wait_s;
  split.reduce_s += weight * report.reduce_s;
  split.update_s += weight * report.update_s;
}

search::SharedEvaluator evaluator_of(const search::Settings& settings, const comm::Block& own_slots,
                                     const train::ComputeDevice& device) {
  search::SharedEvaluator evaluator(settings, own_slots);
  evaluator.make_weights(device);
  return evaluator;
}

/// Everything that a search has, and what is timed with it.
class Bench {
 public:
  Bench(comm::World& world, const search::Settings& settings, const Options& options,
        std::unique_ptr<comm::GradientReducer> reducer);
  void time_weight_steps(WeightBench& result);
  void time_rewards(ControllerBench& result);
  void time_controller(ControllerBench& result);
  Report report() const;

 private:
  void begin_phase();
  train::StepReport weight_step();
  double flops(const space::Architecture& child, std::int64_t count, int batch_size) const;
  /// Collective. Seconds of `work` on the slowest rank, one value a repeat, the warm-up left out.
  /// `work` gets the number of the repeat, 0 for the warm-up.
  std::vector<double> time_repeats(const std::function<double(int)>& work);
  double turn(const std::function<void()>& work) const;

  comm::World& world_;
  const search::Settings& settings_;
  const Options& options_;
  int threads_;
  comm::Block own_;
  search::SharedEvaluator evaluator_;
  task::Task& task_;
  space::SearchSpace space_;
  std::unique_ptr<comm::GradientReducer> reducer_;
  const supernet::Supernet& supernet_;
  std::unique_ptr<search::Strategy> strategy_;
  run::FaultInjector no_faults_;
  search::SearchState state_;
  search::SharedWeights shared_weights_;
  train::Step step_;
  std::vector<std::vector<space::Architecture>> children_;  ///< by slot and step of a repeat
  std::vector<std::int64_t> image_sizes_;  ///< channels, height, width; none of text
};

Bench::Bench(comm::World& world, const search::Settings& settings, const Options& options,
             std::unique_ptr<comm::GradientReducer> reducer)
    : world_(world),
      settings_(settings),
      options_(options),
      threads_(nn::set_threads(settings.run.threads)),
      own_(comm::block_of(world.rank(), world.size(), settings.weights.slots)),
      evaluator_(evaluator_of(settings, own_, options.device)),
      task_(evaluator_.task()),
      space_(space::make_space(settings.space)),
      reducer_(std::move(reducer)),
      supernet_(evaluator_.supernet()),
      strategy_(search::make_strategy(space_, settings)),
      no_faults_("", world.rank()),
      shared_weights_(supernet_, state_.children, settings.run.seed),
      step_(world, *reducer_, shared_weights_, task_, settings.weights, no_faults_) {
  const search::RandomStrategy uniform(space_, kChildrenSeed);
  const int rows =
      settings.weights.children == search::Children::shared ? 1 : settings.weights.slots;
  for (int slot = 0; slot < rows; ++slot) {
    children_.push_back(
        uniform.propose(options.steps, {Purpose::children, static_cast<std::uint64_t>(slot), 0}));
  }
  if (settings.space.kind != space::SpaceKind::recurrent) {
    const auto sizes = task_.training_batch({}, own_.begin).input.sizes();
    image_sizes_.assign(sizes.begin() + 1, sizes.end());
  }
}

/// The fixed children again and again until the end of the pass over the data.
void Bench::begin_phase() {
  const std::int64_t steps = task_.steps_in_pass(state_.progress.round);
  search::PhaseChildren& children = state_.children;
  children = {{static_cast<std::int64_t>(children_.size()), steps, space_.num_tokens()}, {}};
  for (const auto& row : children_) {
    for (std::int64_t index = 0; index < steps; ++index) {
      const auto number = (state_.progress.step + index) % options_.steps;
      const auto& tokens = row[static_cast<std::size_t>(number)].tokens;
      children.tokens.insert(children.tokens.end(), tokens.begin(), tokens.end());
    }
  }
  state_.slot_state = step_.initial_states();
}

train::StepReport Bench::weight_step() {
  search::Progress& progress = state_.progress;
  auto report = step_.run({progress.round, progress.index, progress.step}, progress.lr_factor,
                          state_.slot_state, 0);
  ++progress.step;
  if (++progress.index == task_.steps_in_pass(progress.round)) {
    progress.index = 0;
    ++progress.round;
  }
  return report;
}

/// Of a forward pass over `count` tokens or images.
double Bench::flops(const space::Architecture& child, std::int64_t count, int batch_size) const {
  std::vector<std::int64_t> sizes = {count};
  if (image_sizes_.empty()) sizes = {count / batch_size, batch_size};
  sizes.insert(sizes.end(), image_sizes_.begin(), image_sizes_.end());
  return supernet_.forward_flops(child, sizes);
}

double Bench::turn(const std::function<void()>& work) const {
  options_.begin_turn();
  const Stopwatch watch;
  work();
  const double seconds = watch.seconds();
  options_.end_turn();
  return seconds;
}

std::vector<double> Bench::time_repeats(const std::function<double(int)>& work) {
  std::vector<double> seconds;
  for (int repeat = 0; repeat <= options_.repeats; ++repeat) {
    world_.barrier();
    const double slowest = largest(world_, work(repeat));
    if (repeat > 0) seconds.push_back(slowest);
  }
  return seconds;
}

void Bench::time_weight_steps(WeightBench& result) {
  const double share = 1.0 / options_.steps;
  std::vector<RankShare> repeats(static_cast<std::size_t>(options_.repeats) + 1);
  const auto seconds = time_repeats([&](int repeat) {
    double sum = 0.0;
    result.flops = result.examples = result.union_bytes = 0.0;
    RankShare& mine = repeats[static_cast<std::size_t>(repeat)];
    for (int step = 0; step < options_.steps; ++step) {
      if (state_.progress.index == 0) begin_phase();
      train::StepReport report;
      const auto children =
          state_.children.at(space_.id(), settings_.weights.slots, state_.progress.index);
      sum += share * turn([&] { report = weight_step(); });
      add(mine.split, report, share);
      mine.bytes_sent += share * static_cast<double>(reducer_->last_cost().bytes_sent);
      if (!report.moved()) ++result.bad_steps;
      for (const int weight : report.touched) {
        const auto& value = supernet_.weights()[static_cast<std::size_t>(weight)].value;
        result.union_bytes += share * 4.0 * static_cast<double>(value.numel());
      }
      for (std::size_t slot = 0; slot < report.slots.size(); ++slot) {
        const auto count = report.slots[slot].count;
        result.examples += share * static_cast<double>(count);
        result.flops += share * 3.0 * flops(children[slot], count, settings_.weights.batch_size);
      }
    }
    return sum;
  });
  result.step = timing_of(seconds);
  result.ranks = world_.all_gather_value(repeats[median_repeat(seconds) + 1]);
}

void Bench::time_rewards(ControllerBench& result) {
  const double share = 1.0 / options_.steps;
  const auto seconds = time_repeats([&](int) {
    double sum = 0.0;
    result.reward_flops = result.reward_examples = 0.0;
    for (int i = 0; i < options_.steps; ++i) {
      const auto& child = children_[0][static_cast<std::size_t>(i)];
      nn::Score score;
      sum += share * turn([&] { score = evaluator_.reward_score(child, i, 0); });
      result.reward_examples += share * static_cast<double>(score.count);
      result.reward_flops += share * flops(child, score.count, settings_.rollout.batch_size);
    }
    return sum;
  });
  result.reward = timing_of(seconds);
}

void Bench::time_controller(ControllerBench& result) {
  const int num_rollouts = settings_.rollout.rollouts;
  std::vector<space::Rollout> rollouts;
  std::vector<double> rewards;
  const auto sample = time_repeats([&](int repeat) {
    const auto first = Address{Purpose::rollout, 0, static_cast<std::uint64_t>(repeat)};
    rollouts.clear();
    return turn([&] {
      for (auto& child : strategy_->propose(consecutive_indices(first, num_rollouts))) {
        rollouts.push_back({std::move(child)});
      }
    });
  });
  // Times do not depend on what the rollouts were worth.
  for (int i = 0; i < num_rollouts; ++i) rewards.push_back(1.0 / (1.0 + i));
  const auto update = time_repeats([&](int) {
    return turn([&] {
      if (world_.is_root()) strategy_->learn_on_root(rollouts, rewards);
    });
  });
  result.phase_children = task_.steps_in_pass(0);
  const auto phase = time_repeats([&](int repeat) {
    const Address address{Purpose::children, 0, static_cast<std::uint64_t>(repeat)};
    return turn([&] { strategy_->propose(result.phase_children, address); });
  });
  result.sample_rollouts = timing_of(sample);
  result.sample_phase = timing_of(phase);
  result.update = timing_of(update);
}

Report Bench::report() const {
  Report report;
  report.data = task_.describe_data();
  report.example = task_.metric().example();
  report.ranks = world_.size();
  report.threads = threads_;
  for (const auto& weight : supernet_.weights()) {
    report.weight_bytes += 4.0 * static_cast<double>(weight.value.numel());
  }
  report.peak_memory_bytes = largest(world_, peak_memory_bytes());
  return report;
}

/// A round of medians, as rank 0 lives through it.
RoundEstimate estimate_round(const search::Settings& settings, const Report& report) {
  const auto most = [&](int items) { return (items + report.ranks - 1) / report.ranks; };
  const ControllerBench& controller = report.controller;
  RoundEstimate round;
  round.weight_steps = controller.phase_children;
  round.controller_steps = settings.rollout.steps;
  const auto controller_steps = static_cast<double>(round.controller_steps);
  const int rows =
      settings.weights.children == search::Children::shared ? 1 : settings.weights.slots;
  const double policy =
      most(rows) * controller.sample_phase.median_s +
      controller_steps * (controller.sample_rollouts.median_s + controller.update.median_s);
  round.seconds = policy + static_cast<double>(round.weight_steps) * report.weight.step.median_s +
                  controller_steps * most(settings.rollout.rollouts) * controller.reward.median_s;
  round.controller_share = policy / round.seconds;
  return round;
}

}  // namespace

std::size_t median_repeat(const std::vector<double>& seconds) {
  expect(!seconds.empty(), "a median needs at least one repeat");
  std::vector<std::size_t> order(seconds.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return seconds[a] < seconds[b]; });
  return order[(order.size() - 1) / 2];
}

Timing timing_of(const std::vector<double>& seconds) {
  return {*std::min_element(seconds.begin(), seconds.end()), seconds[median_repeat(seconds)]};
}

Report run_bench(comm::World& world, const search::Settings& settings, const Options& options) {
  auto reducer = options.device.make_reducer(world, settings.weights.slots,
                                             settings.run.reliability.comm_timeout_s);
  std::unique_ptr<Bench> bench;
  run::together(world, [&] {
    bench = std::make_unique<Bench>(world, settings, options, std::move(reducer));
  });
  WeightBench weight;
  ControllerBench controller;
  if (options.weights) bench->time_weight_steps(weight);
  if (options.controller) {
    bench->time_rewards(controller);
    bench->time_controller(controller);
  }
  Report report = bench->report();
  report.weight = weight;
  report.controller = controller;
  if (options.weights && options.controller) report.round = estimate_round(settings, report);
  return report;
}

}  // namespace enas::bench
