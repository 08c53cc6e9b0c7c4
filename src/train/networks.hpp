// SPDX-License-Identifier: Apache-2.0
// The one place that knows which networks are trained alone.
#pragma once

#include <memory>
#include <string>

#include "child/network.hpp"
#include "comm/slot_tree.hpp"
#include "space/network_size.hpp"
#include "space/typed_view.hpp"
#include "task/scorer.hpp"
#include "task/task.hpp"
#include "train/options.hpp"

namespace enas::train {

/// Throws ConfigError when the architecture is of another space than settings.space.kind.
void require_kind(const Settings& settings, const space::TypedView& architecture);

/// Throws ConfigError as require_kind() does, or when a value is out of range.
std::unique_ptr<child::Network> make_network(const Settings& settings,
                                             const space::TypedView& architecture,
                                             const nn::DataShape& data);

/// Parameters and multiply-adds of the architecture as `options` would build it.
space::NetworkSize network_size(const Options& options, const space::TypedView& architecture,
                                const nn::DataShape& data);

/// Refers to the network.
class NetworkScorer final : public task::Scorer {
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
task::SplitCut validation_cut(const Options& options);
task::SplitCut test_cut(const Options& options);

/// Whether evaluate() has anything to score.
bool has_test_split(const task::Task& task, const Options& options);
/// How one is added.
std::string test_split_advice(const task::DataOptions& options);
/// Throws InputError where there is none.
void require_test_split(const task::Task& task, const Settings& settings);

/// Throws ConfigError when [train] cannot build every child of the space.
void require_buildable(const Settings& settings);

/// The data and batches of a training.
task::Options task_options(const Settings& settings);

/// task::make_task() of those. Throws also when a split cannot be cut as [train] says.
std::unique_ptr<task::Task> make_task(const Settings& settings, const comm::Block& own_slots);

}  // namespace enas::train
