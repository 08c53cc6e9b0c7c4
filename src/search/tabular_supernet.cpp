// SPDX-License-Identifier: Apache-2.0
#include "search/tabular_supernet.hpp"

#include <ATen/ops/empty.h>

#include <utility>

#include "core/error.hpp"

namespace enas::search {

TabularSupernet::TabularSupernet(std::string space_id, std::shared_ptr<const ScoreTable> table)
    : space_id_(std::move(space_id)), table_(std::move(table)) {
  expect(table_ != nullptr, "a tabular space has a table");
}

at::Tensor TabularSupernet::initial_state(std::int64_t) const { return at::empty({0}); }

nn::Pass TabularSupernet::gradient(const space::Architecture&, const nn::Batch&, at::Tensor&,
                                   const nn::StepAddress&) const {
  throw ContractError("a tabular space has no weights to train");
}

nn::Score TabularSupernet::score(const space::Architecture& architecture, const nn::Batch&,
                                 at::Tensor&) const {
  return {.nats = table_->loss(architecture), .correct = 0, .count = 1};
}

}  // namespace enas::search
