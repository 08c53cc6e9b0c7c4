// SPDX-License-Identifier: Apache-2.0
#include "search/tabular_task.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::search {

namespace {

/// A child of a tabular space needs no batch.
nn::Score look_up(const Scorer& child) {
  at::Tensor state = child.initial_state(1);
  return child.score({}, state);
}

}  // namespace

TabularTask::TabularTask(const Settings& settings)
    : settings_(settings),
      table_(std::make_shared<ScoreTable>(settings.space.table, make_space(settings.space))),
      metric_{Metric::Kind::perplexity, std::exp(table_->lowest_loss())} {}

std::string TabularTask::describe_data() const {
  return concat(table_->name(), ": ", table_->num_architectures(),
                " architectures, mean of trainings alone: ", table_->num_trainings(),
                ", perplexity ", fixed(std::exp(table_->lowest_loss()), 3), " to ",
                fixed(std::exp(table_->highest_loss()), 3));
}

nn::Batch TabularTask::training_batch(const StepPlace&, int) {
  throw ContractError("a tabular space has no batches to train on");
}

nn::Score TabularTask::reward_score(const Scorer& child, int, std::int64_t) const {
  return look_up(child);
}

double TabularTask::reward(double metric) const {
  return perplexity_reward(settings_.rollout, metric);
}

nn::Score TabularTask::validation_score(const Scorer& child) const { return look_up(child); }

nn::Score TabularTask::whole_validation_score(const Scorer& child) const { return look_up(child); }

nn::Score TabularTask::part_score(const Scorer& child, const SplitCut&, std::int64_t) const {
  return look_up(child);
}

std::string TabularTask::validation_text() const {
  return concat("validation, trained alone, looked up in ", table_->name());
}

}  // namespace enas::search
