// SPDX-License-Identifier: Apache-2.0
#include "search/controller_step.hpp"

#include "comm/slot_tree.hpp"
#include "core/clock.hpp"
#include "run/replicas.hpp"
#include "search/reward.hpp"
#include "search/rollout_exchange.hpp"

namespace enas::search {

ControllerStep::ControllerStep(comm::World& world, const Evaluator& evaluator, Strategy& strategy,
                               const Settings& settings)
    : world_(world), evaluator_(evaluator), strategy_(strategy), settings_(settings) {}

ControllerStepReport ControllerStep::run(const Progress& progress, std::int64_t flags) {
  const int num_rollouts = settings_.rollout.rollouts;
  const auto own = comm::block_of(world_.rank(), world_.size(), num_rollouts);
  ControllerStepReport report;
  Stopwatch watch;
  // Before it is used: a rank whose strategy is damaged could not even propose.
  run::compare_replicas(world_, strategy_.state(), progress.step);
  report.strategy_digest = run::digest_of(strategy_.state());
  // All of them on every rank: the size of a batch must not depend on ranks, and one pass costs
  // less than a few alone.
  const auto children = strategy_.propose(consecutive_indices(
      {Purpose::rollout, 0, static_cast<std::uint64_t>(progress.step)}, num_rollouts));
  std::vector<space::Rollout> mine;
  std::vector<run::StepRecord> records;
  for (int i = own.begin; i < own.end; ++i) {
    const auto& child = children[static_cast<std::size_t>(i)];
    mine.push_back(
        rollout_of(child, evaluator_.reward_score(child, i, progress.step), evaluator_.metric()));
    records.push_back(record_of(mine.back(), i, progress.step));
  }
  report.compute_s = watch.restart();

  const auto gathered = run::gather_records(world_, num_rollouts, progress.step,
                                            report.strategy_digest, flags, std::move(records));
  report.flags = gathered.flags;
  report.rollouts = all_gather_rollouts(world_, mine, children.front().space_id);
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

double ControllerStep::reward(const space::Rollout& rollout) const {
  return rollout.status == space::RolloutStatus::ok
             ? reward_of(settings_.rollout, evaluator_.metric(), rollout.metric)
             : 0.0;
}

}  // namespace enas::search
