// SPDX-License-Identifier: Apache-2.0
#include "search/validation.hpp"

#include <cmath>
#include <limits>

#include "comm/slot_tree.hpp"
#include "search/rollout_exchange.hpp"

namespace enas::search {

namespace {

space::Rollout score_child(const supernet::Supernet& supernet, const space::Architecture& child,
                           const data::TokenColumns& columns,
                           const std::vector<data::Segment>& segments) {
  auto state = supernet.initial_state(columns.num_columns());
  supernet::Score score;
  for (const auto& segment : segments) {
    const auto tokens = columns.batch(0, columns.num_columns(), segment.position, segment.length);
    const auto part = supernet.score(child, {tokens.input, tokens.target}, state);
    score.total += part.total;
    score.count += part.count;
  }
  return rollout_of(child, score);
}

std::vector<double> option_histogram(const space::SearchSpace& space,
                                     const std::vector<space::Rollout>& children) {
  std::vector<double> share(static_cast<std::size_t>(space.num_options()), 0.0);
  double total = 0.0;
  for (const auto& decision : space.decisions()) {
    if (decision.kind != space::DecisionKind::option) continue;
    for (const auto& child : children) {
      share[static_cast<std::size_t>(
          child.architecture.tokens[static_cast<std::size_t>(decision.token)])] += 1.0;
      total += 1.0;
    }
  }
  for (auto& value : share) value /= total;
  return share;
}

}  // namespace

ValidationReport validate(comm::World& world, const supernet::Supernet& supernet,
                          const Strategy& strategy, const space::SearchSpace& space,
                          const data::TokenColumns& columns, const Settings& settings,
                          std::int64_t step) {
  auto segments = data::segments_of_pass({settings.weights.segments.segment_length, false},
                                         columns.column_length(), 0, 0);
  const auto limit = static_cast<std::size_t>(settings.validation.segments);
  if (limit > 0 && segments.size() > limit) segments.resize(limit);

  const auto own = comm::block_of(world.rank(), world.size(), settings.validation.children);
  std::vector<space::Rollout> mine;
  for (int i = own.begin; i < own.end; ++i) {
    const Address address{Purpose::validation_children, static_cast<std::uint64_t>(i),
                          static_cast<std::uint64_t>(step)};
    world.note_progress("validation", step);
    mine.push_back(score_child(supernet, strategy.propose(1, address).front(), columns, segments));
  }

  ValidationReport report;
  report.children = all_gather_rollouts(world, mine, space.id());
  double sum = 0.0;
  int finite = 0;
  report.best_perplexity = std::numeric_limits<double>::infinity();
  std::vector<space::Architecture> architectures;
  for (std::size_t i = 0; i < report.children.size(); ++i) {
    architectures.push_back(report.children[i].architecture);
    if (report.children[i].status != space::RolloutStatus::ok) continue;
    const double perplexity = std::exp(report.children[i].metric);
    sum += perplexity;
    ++finite;
    if (perplexity < report.best_perplexity) {
      report.best_perplexity = perplexity;
      report.best = static_cast<int>(i);
    }
  }
  report.mean_perplexity = finite > 0 ? sum / finite : std::numeric_limits<double>::quiet_NaN();
  report.decision_entropy = strategy.decision_entropy(architectures);
  for (const double value : report.decision_entropy) report.entropy += value;
  report.option_histogram = option_histogram(space, report.children);
  return report;
}

}  // namespace enas::search
