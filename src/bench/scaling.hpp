// SPDX-License-Identifier: Apache-2.0
// The same weight steps on 1, 2, 4, ... ranks of one job, and what the model says of more.
#pragma once

#include <string>
#include <vector>

#include "bench/bench.hpp"
#include "bench/scaling_model.hpp"
#include "comm/world.hpp"
#include "search/settings.hpp"
#include "train/compute_device.hpp"

namespace enas::bench {

struct ScalingOptions {
  int steps = 5;
  int repeats = 5;
  std::vector<int> predict = {8, 64, 512};  ///< numbers of ranks the model is asked for
  int slots_per_rank = 1;                   ///< there
  NetworkConstants network;
  double slot_s = 0.0;          ///< of one slot there; 0 for the measured one
  train::ComputeDevice device;  ///< the CPU unless set
};

/// Measured on some of the ranks.
struct ScalingPoint {
  int ranks = 1;
  WeightBench weight;
  double model_s = 0.0;  ///< seconds of a step by the model, from the single rank's
};

/// From the model alone, on more ranks with as many slots each.
struct ScalingPrediction {
  StepShape shape;
  double step_s = 0.0;
  double efficiency = 0.0;  ///< examples a second and rank against those of a single rank
};

/// One way to choose a step's children.
struct ScalingSeries {
  search::Children children = search::Children::per_slot;
  std::vector<ScalingPoint> points;
  std::vector<ScalingPrediction> tree;  ///< comm::MpiReducer
  std::vector<ScalingPrediction> ring;  ///< NCCL
};

struct ScalingReport {
  std::string data;
  std::string example;
  int threads = 1;
  double weight_bytes = 0.0;          ///< ω: what a dense exchange would sum
  std::vector<ScalingSeries> series;  ///< children of each slot, then shared
};

/// Collective. Nothing is written. Throws as a search does that cannot start.
ScalingReport run_scaling(comm::World& world, const search::Settings& settings,
                          const ScalingOptions& options);

}  // namespace enas::bench
