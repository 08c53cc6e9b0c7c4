// SPDX-License-Identifier: Apache-2.0
// Weight steps on all ranks, and one process that follows them.
#pragma once

#include <set>
#include <string>

#include "comm/mpi_reducer.hpp"
#include "mpi/search/sequential_steps.hpp"
#include "search/shared_weights.hpp"
#include "train/step.hpp"

namespace enas::search {

/// The code under test on all ranks.
struct Distributed {
  explicit Distributed(const Settings& settings, const std::string& fault = "")
      : parts(settings, 11,
              comm::block_of(test_world().rank(), test_world().size(), settings.weights.slots)),
        faults(fault, test_world().rank()),
        reducer(test_world(), settings.weights.slots),
        state(parts.new_state(
            comm::block_of(test_world().rank(), test_world().size(), settings.weights.slots).size(),
            6)),
        shared_weights(*parts.supernet, state.children, settings.run.seed),
        weight_step(test_world(), reducer, shared_weights, *parts.task, parts.settings.weights,
                    faults) {}

  /// At the present position, which stays.
  train::StepReport run() {
    const Progress& progress = state.progress;
    children = state.children.at(parts.space.id(), parts.settings.weights.slots, progress.index);
    return weight_step.run({progress.round, progress.index, progress.step}, progress.lr_factor,
                           state.slot_state, 0);
  }
  train::StepReport step() {
    auto report = run();
    ++state.progress.step;
    ++state.progress.index;
    return report;
  }

  SmallSearch parts;
  run::FaultInjector faults;
  comm::MpiReducer reducer;
  SearchState state;
  SharedWeights shared_weights;
  train::Step weight_step;
  std::vector<space::Architecture> children;  ///< of the last step
};

/// One process that follows step by step.
struct Follower {
  explicit Follower(const Settings& settings) : parts(settings), steps(parts) {}

  double follow(const Distributed& run, double lr, const std::set<int>& bad_slots = {}) {
    const Progress& progress = run.state.progress;
    return steps.step(run.state.children, {progress.round, progress.index - 1, progress.step - 1},
                      lr, bad_slots);
  }
  void expect_equal(const Distributed& run) const {
    EXPECT_EQ(weights_digest(*run.parts.supernet), weights_digest(*parts.supernet));
    const auto velocities = all_velocities(run.weight_step.momentum());
    EXPECT_EQ(velocities.size(), steps.velocities.size());
    for (std::size_t i = 0; i < velocities.size(); ++i) {
      EXPECT_TRUE(same_bits(velocities[i], steps.velocities[i]))
          << parts.supernet->weights()[i].name;
    }
    const auto own = run.weight_step.own_slots();
    for (int slot = own.begin; slot < own.end; ++slot) {
      EXPECT_TRUE(
          same_bits(values_of(run.state.slot_state[static_cast<std::size_t>(slot - own.begin)]),
                    values_of(steps.states[static_cast<std::size_t>(slot)])))
          << "slot " << slot;
    }
  }

  SmallSearch parts;
  SequentialSteps steps;
};

}  // namespace enas::search
