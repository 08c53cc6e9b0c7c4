// SPDX-License-Identifier: Apache-2.0
// The one place that knows which networks are trained alone.
#pragma once

#include <memory>
#include <string>

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
                                             const nn::DataShape& data);

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

/// Whether evaluate() has anything to score.
bool has_test_split(const Task& task, const TrainOptions& options);
/// How one is added.
std::string test_split_advice(const DataOptions& options);
/// Throws InputError where there is none.
void require_test_split(const Task& task, const Settings& settings);

/// Throws ConfigError when [train] cannot build every child of the space.
void require_buildable(const Settings& settings);

/// The settings under which a task gives the batches of a training: its slots, batches and segments
/// in the place of the search's.
Settings with_training_batches(const Settings& settings);

/// make_task() of those settings. Throws also when a split cannot be cut as [train] says.
std::unique_ptr<Task> make_training_task(const Settings& batches, const comm::Block& own_slots);

}  // namespace enas::search
