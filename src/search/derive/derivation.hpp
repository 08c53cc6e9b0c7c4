// SPDX-License-Identifier: Apache-2.0
// From a search to its best architectures: sample, score with the shared weights, rank.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/log.hpp"
#include "search/settings.hpp"
#include "space/architecture_file.hpp"

namespace enas::search {

struct DeriveOptions {
  int samples = 100;
  int top = 10;            ///< architectures written as files
  bool uniform = false;    ///< drawn from the uniform distribution: the baseline
  bool minibatch = false;  ///< ranked by one validation minibatch, as Pham et al. 2018, not by all
};

/// One child of the ranking.
struct RankedChild {
  space::Architecture architecture;
  int index = 0;      ///< of the first sample that was this child
  int times = 1;      ///< samples that were
  double loss = 0.0;  ///< nats per token or image
  double metric = 0.0;
  double minibatch_metric = 0.0;  ///< on one minibatch, the same for all
  double log_probability = 0.0;   ///< of being sampled
  std::int64_t parameters = 0;    ///< trained alone, as [train] has it
  double multiply_adds = 0.0;
};

struct Ranking {
  std::vector<RankedChild> children;  ///< best first; the ones that are not finite last
  std::vector<space::ArchitectureFile> top;
  std::int64_t step = 0;  ///< of the checkpoint
  int samples = 0;
  bool minibatch = false;
  std::string scored_on;         ///< "validation, shared weights, all 5000 images"
  std::string source;            ///< digest of what the ranking follows from
  double kendall_tau = 0.0;      ///< τ-b of the two metrics; NaN for fewer than two children
  int minibatch_winner = 0;      ///< place in the ranking of the best on the minibatch, from 1
  std::filesystem::path folder;  ///< where the files are
};

/// Collective. Samples children from the controller of a run's newest checkpoint, scores each
/// different one on the whole validation split (every image, or every token but the first), and
/// writes ranking.h5, best.json and top-<k>.json into RUN/derived (RUN/derived/uniform). The same
/// on every rank and for any number of ranks. Throws InputError without a checkpoint, and Error
/// (ExitCode::checkpointed) when the limits, a file STOP in the run directory or a signal stop it;
/// then nothing was written.
/// `training` says what the children are when they are trained alone.
Ranking derive(comm::World& world, Log& log, const Settings& settings,
               const train::Settings& training, const run::ConfigRecord& record,
               const std::filesystem::path& run, const DeriveOptions& options,
               const run::Limits& limits);

/// Collective. The files of a derivation from this step with as many samples where they are there,
/// else those of a new one.
std::vector<space::ArchitectureFile> derive_once(
    comm::World& world, Log& log, const Settings& settings, const train::Settings& training,
    const run::ConfigRecord& record, const std::filesystem::path& run, const DeriveOptions& options,
    const run::Limits& limits);

/// Kendall's τ-b of two lists of numbers (Kendall 1945); NaN when one has no two different ones.
double kendall_tau(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace enas::search
