// SPDX-License-Identifier: Apache-2.0
// What the steps of a search cost: fixed children on real batches, with the steps of a search.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "search/settings.hpp"
#include "train/compute_device.hpp"

namespace enas::bench {

struct Options {
  int steps = 5;                             ///< weight steps, and rewards, of a repeat
  int repeats = 5;                           ///< those that count; one more goes before them
  bool weights = true;                       ///< measure the weight step
  train::ComputeDevice device;               ///< the CPU unless set
  bool controller = true;                    ///< measure rewards and what the controller does
  std::function<void()> begin_turn = [] {};  ///< before each measured piece of work
  std::function<void()> end_turn = [] {};    ///< after it
};

/// Seconds of one piece of work, of the slowest rank.
struct Timing {
  double min_s = 0.0;
  double median_s = 0.0;  ///< of an even number of repeats the smaller one in the middle
};
/// `seconds` has one value a repeat.
Timing timing_of(const std::vector<double>& seconds);
/// Index of the repeat that is the median.
std::size_t median_repeat(const std::vector<double>& seconds);

/// Seconds of a weight step on one rank by what it did.
struct StepSplit {
  double data_s = 0.0, forward_s = 0.0, backward_s = 0.0, pack_s = 0.0;
  double wait_s = 0.0, reduce_s = 0.0, update_s = 0.0;
  double sum() const {
    return data_s + forward_s + backward_s + pack_s + wait_s + reduce_s + update_s;
  }
};

/// A rank's part in a weight step.
struct RankShare {
  StepSplit split;  ///< mean of the median repeat
  double bytes_sent = 0.0;
};

struct WeightBench {
  Timing step;
  std::vector<RankShare> ranks;  ///< one a rank
  double flops = 0.0;            ///< of one step of all slots: three forward passes
  double examples = 0.0;         ///< tokens or images of one step
  double union_bytes = 0.0;      ///< the gradients of one step: what is summed over slots
  std::int64_t bad_steps = 0;    ///< steps without a finite slot, which update nothing
};

struct ControllerBench {
  Timing reward;              ///< of one rollout on its validation batch
  double reward_flops = 0.0;  ///< one forward pass
  double reward_examples = 0.0;
  Timing sample_rollouts;  ///< the children of a controller step
  Timing sample_phase;     ///< those of one slot for a weight phase
  std::int64_t phase_children = 0;
  Timing update;  ///< one step on θ
};

/// Rounds as they follow from the parts.
struct RoundEstimate {
  std::int64_t weight_steps = 0;
  std::int64_t controller_steps = 0;
  double seconds = 0.0;
  double controller_share = 0.0;  ///< of sampling and of updating θ
};

struct Report {
  std::string data;
  std::string example;  ///< "token", "image"
  int ranks = 1;
  int threads = 1;  ///< a rank
  WeightBench weight;
  ControllerBench controller;
  RoundEstimate round;             ///< when both were measured
  double peak_memory_bytes = 0.0;  ///< of the rank with the highest peak
  double weight_bytes = 0.0;       ///< ω
};

/// Collective. Trains a supernet for a few steps and throws it away; nothing is written. Throws as
/// a search does that cannot start.
Report run_bench(comm::World& world, const search::Settings& settings, const Options& options);

}  // namespace enas::bench
