// SPDX-License-Identifier: Apache-2.0
#include "search/controller_step.hpp"

#include <algorithm>
#include <cmath>

#include "comm/slot_tree.hpp"
#include "core/clock.hpp"
#include "search/rollout_exchange.hpp"

namespace enas::search {

ControllerStep::ControllerStep(comm::World& world, const supernet::Supernet& supernet,
                               Strategy& strategy, const data::TokenColumns& columns,
                               const Settings& settings, FaultInjector& faults)
    : world_(world),
      supernet_(supernet),
      strategy_(strategy),
      columns_(columns),
      settings_(settings),
      faults_(faults) {}

ControllerStepReport ControllerStep::run(const Progress& progress, std::int64_t flags) {
  const int num_rollouts = settings_.rollout.rollouts;
  const auto own = comm::block_of(world_.rank(), world_.size(), num_rollouts);
  ControllerStepReport report;
  Stopwatch watch;
  std::vector<space::Rollout> mine;
  std::vector<StepRecord> records;
  for (int i = own.begin; i < own.end; ++i) {
    mine.push_back(score_rollout(i, progress.step));
    records.push_back(record_of(mine.back(), i, progress.step));
  }
  report.compute_s = watch.restart();

  const auto theta = digest_of(strategy_.state());
  const auto gathered =
      gather_records(world_, num_rollouts, progress.step, theta, flags, std::move(records));
  report.flags = gathered.flags;
  report.rollouts = all_gather_rollouts(world_, mine, supernet_.space_id());
  report.wait_s = watch.restart();

  for (const auto& rollout : report.rollouts) report.rewards.push_back(reward(rollout));
  if (world_.is_root()) {
    report.learned = strategy_.learn_on_root(report.rollouts, report.rewards);
  }
  broadcast_state(world_, strategy_);
  for (const double value : report.rewards) report.mean_reward += value;
  report.mean_reward /= num_rollouts;
  report.compute_s += watch.seconds();
  return report;
}

space::Rollout ControllerStep::score_rollout(int rollout, std::int64_t step) const {
  const auto index = static_cast<std::uint64_t>(rollout);
  const auto at_step = static_cast<std::uint64_t>(step);
  const auto child = strategy_.propose(1, {Purpose::rollout, index, at_step}).front();
  const RolloutOptions& options = settings_.rollout;
  const auto positions =
      static_cast<std::uint64_t>(columns_.column_length() - options.segment_length);
  RandomStream random(settings_.run.seed, {Purpose::reward_batch, index, at_step});
  const auto position = static_cast<std::int64_t>(random.next_below(positions));
  const auto tokens = columns_.batch(0, options.batch_size, position, options.segment_length);
  auto state = supernet_.initial_state(options.batch_size);
  return rollout_of(child, supernet_.score(child, {tokens.input, tokens.target}, state));
}

double ControllerStep::reward(const space::Rollout& rollout) const {
  if (rollout.status != space::RolloutStatus::ok) return 0.0;
  const RolloutOptions& options = settings_.rollout;
  const double perplexity = std::exp(rollout.metric);
  return std::min(options.reward_cap,
                  options.reward_scale / std::pow(perplexity, options.reward_exponent));
}

}  // namespace enas::search
