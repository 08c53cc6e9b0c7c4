// SPDX-License-Identifier: Apache-2.0
#include "search/validation.hpp"

#include <algorithm>
#include <limits>

#include "comm/slot_tree.hpp"
#include "search/rollout_exchange.hpp"

namespace enas::search {

namespace {

std::vector<double> option_histogram(const space::SearchSpace& space,
                                     const std::vector<space::Rollout>& children) {
  std::vector<double> share(static_cast<std::size_t>(space.num_options()), 0.0);
  double total = 0.0;
  for (const auto& decision : space.decisions()) {
    if (decision.kind != space::DecisionKind::option) continue;
    for (const auto& child : children) {
      const auto token = static_cast<std::size_t>(decision.token);
      share[static_cast<std::size_t>(decision.first_option + child.architecture.tokens[token])] +=
          1.0;
      total += 1.0;
    }
  }
  for (auto& value : share) value /= total;
  return share;
}

double skip_rate(const space::SearchSpace& space, const std::vector<space::Rollout>& children) {
  double ones = 0.0;
  double total = 0.0;
  for (const auto& decision : space.decisions()) {
    if (decision.kind != space::DecisionKind::subset) continue;
    for (const auto& child : children) {
      const auto bits = child.architecture.tokens.begin() + decision.token;
      ones += static_cast<double>(std::count(bits, bits + decision.num_tokens(), 1));
      total += decision.num_tokens();
    }
  }
  return ones / total;
}

}  // namespace

ValidationReport validate(comm::World& world, const Evaluator& evaluator, const Strategy& strategy,
                          const space::SearchSpace& space, const Settings& settings,
                          std::int64_t step) {
  const auto own = comm::block_of(world.rank(), world.size(), settings.validation.children);
  const auto children = strategy.propose(
      consecutive_indices({Purpose::validation_children, 0, static_cast<std::uint64_t>(step)},
                          settings.validation.children));
  std::vector<space::Rollout> mine;
  for (int i = own.begin; i < own.end; ++i) {
    world.note_progress("validation", step);
    const auto& child = children[static_cast<std::size_t>(i)];
    mine.push_back(rollout_of(child, evaluator.validation_score(child), evaluator.metric()));
  }

  ValidationReport report;
  report.children = all_gather_rollouts(world, mine, space.id());
  report.best_metric = std::numeric_limits<double>::quiet_NaN();
  double sum = 0.0;
  int finite = 0;
  std::vector<space::Architecture> architectures;
  for (std::size_t i = 0; i < report.children.size(); ++i) {
    const auto& child = report.children[i];
    architectures.push_back(child.architecture);
    if (world.is_root()) {
      report.log_probability.push_back(strategy.log_probability(child.architecture));
    }
    if (child.status != space::RolloutStatus::ok) continue;
    sum += child.metric;
    ++finite;
    if (report.best < 0 || evaluator.metric().better(child.metric, report.best_metric)) {
      report.best_metric = child.metric;
      report.best = static_cast<int>(i);
    }
  }
  report.mean_metric = finite > 0 ? sum / finite : std::numeric_limits<double>::quiet_NaN();
  report.decision_entropy = strategy.decision_entropy(architectures);
  for (const double value : report.decision_entropy) report.entropy += value;
  report.option_histogram = option_histogram(space, report.children);
  report.skip_rate = skip_rate(space, report.children);
  return report;
}

}  // namespace enas::search
