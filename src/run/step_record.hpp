// SPDX-License-Identifier: Apache-2.0
// The record of each slot or rollout, all-gathered before the gradient sum.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "io/digest.hpp"

namespace enas::run {

/// Requests of a rank, combined over all ranks by OR. kFlagDamaged says that a state carried
/// between steps was not finite on the rank when the step began.
enum StepFlag : std::int64_t { kFlagStop = 1, kFlagCheckpoint = 2, kFlagDamaged = 4 };

/// Gathered as it is, never summed.
struct StepRecord {
  std::int64_t item = -1;  ///< slot or rollout; -1 in padding
  std::int64_t step = 0;
  std::uint64_t digest_high = 0;  ///< of what must be equal on all ranks before lengths are used
  std::uint64_t digest_low = 0;
  double loss = 0.0;         ///< nats per token or image
  std::int64_t correct = 0;  ///< images classified correctly; 0 for text
  std::int64_t count = 0;    ///< tokens or images
  std::int64_t finite = 1;
  std::int64_t flags = 0;
  double seconds = 0.0;  ///< that its rank worked on it
};

/// Every record of a step in item order, and the flags of all ranks.
struct GatheredRecords {
  std::vector<StepRecord> records;
  std::int64_t flags = 0;
  int num_finite = 0;
};

/// Collective. `own` are this rank's records (perhaps none) of `num_items` cut into blocks. `step`,
/// `digest` and `flags` are this rank's. Throws on every rank alike: ContractError when steps
/// differ, ReplicasDiffer when digests do or a rank has raised kFlagDamaged.
GatheredRecords gather_records(comm::World& world, int num_items, std::int64_t step,
                               const io::Digest& digest, std::int64_t flags,
                               std::vector<StepRecord> own);

/// What is said of a step that moved nothing although `num_finite` slots had finite gradients.
std::string overflow_text(int num_finite);

}  // namespace enas::run
