// SPDX-License-Identifier: Apache-2.0
// The one place that knows which networks are trained alone.
#pragma once

#include <memory>

#include "child/network.hpp"
#include "search/scorer.hpp"
#include "search/settings.hpp"
#include "search/spaces.hpp"
#include "search/task.hpp"
#include "space/typed_view.hpp"

namespace enas::search {

/// Throws ConfigError when the architecture is of another space than settings.space.kind.
void require_kind(const Settings& settings, const space::TypedView& architecture);

/// Throws ConfigError as require_kind() does, or when a value is out of range.
std::unique_ptr<child::Network> make_network(const Settings& settings,
                                             const space::TypedView& architecture,
                                             const DataShape& data);

/// Refers to the network.
class NetworkScorer final : public Scorer {
 public:
  explicit NetworkScorer(const child::Network& network) : network_(network) {}
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return network_.initial_state(batch_size);
  }
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override {
    return network_.score(batch, state);
  }

 private:
  const child::Network& network_;
};

/// How validation and test are cut when a network is scored.
SplitCut validation_cut(const TrainOptions& options);
SplitCut test_cut(const TrainOptions& options);

/// The settings under which a task gives the batches of a training: its slots, batches and segments
/// in the place of the search's.
Settings with_training_batches(const Settings& settings);

}  // namespace enas::search
