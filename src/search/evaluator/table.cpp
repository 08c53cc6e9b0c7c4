// SPDX-License-Identifier: Apache-2.0
#include "search/evaluator/table.hpp"

#include <cmath>

#include "core/text.hpp"

namespace enas::search {

TableEvaluator::TableEvaluator(const std::filesystem::path& file, const space::SearchSpace& space)
    : table_(file, space),
      metric_{task::Metric::Kind::perplexity, std::exp(table_.lowest_loss())} {}

nn::Score TableEvaluator::look_up(const space::Architecture& child) const {
  return {.nats = table_.loss(child), .correct = 0, .count = 1};
}

std::string TableEvaluator::validation_text() const {
  return concat("validation, trained alone, looked up in ", table_.name());
}

std::string TableEvaluator::describe_data() const {
  return concat(table_.name(), ": ", table_.num_architectures(),
                " architectures, mean of trainings alone: ", table_.num_trainings(),
                ", perplexity ", fixed(std::exp(table_.lowest_loss()), 3), " to ",
                fixed(std::exp(table_.highest_loss()), 3));
}

}  // namespace enas::search
