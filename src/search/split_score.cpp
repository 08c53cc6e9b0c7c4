// SPDX-License-Identifier: Apache-2.0
#include "search/split_score.hpp"

#include <cstring>
#include <span>
#include <vector>

#include "comm/slot_tree.hpp"
#include "core/error.hpp"
#include "core/stop_request.hpp"

namespace enas::search {

namespace {

enum class Stops { ignored, obeyed };

std::vector<nn::Score> own_scores(const comm::World& world, const Task& task, const Scorer& scorer,
                                  const SplitCut& cut, Stops stops) {
  const auto own =
      comm::block_of(world.rank(), world.size(), static_cast<int>(task.num_parts(cut)));
  std::vector<nn::Score> mine;
  for (int part = own.begin; part < own.end; ++part) {
    if (stops == Stops::obeyed && stop_requested()) break;
    mine.push_back(task.part_score(scorer, cut, part));
  }
  return mine;
}

nn::Score sum_in_order(comm::World& world, const std::vector<nn::Score>& mine) {
  nn::Score total;
  for (const auto& piece : world.all_gather_varied(std::as_bytes(std::span(mine)))) {
    std::vector<nn::Score> parts(piece.size() / sizeof(nn::Score));
    std::memcpy(parts.data(), piece.data(), piece.size());
    for (const auto& part : parts) total += part;
  }
  return total;
}

}  // namespace

nn::Score split_score(comm::World& world, const Task& task, const Scorer& scorer,
                      const SplitCut& cut) {
  return sum_in_order(world, own_scores(world, task, scorer, cut, Stops::ignored));
}

nn::Score split_score_unless_stopped(comm::World& world, const Task& task, const Scorer& scorer,
                                     const SplitCut& cut) {
  const auto mine = own_scores(world, task, scorer, cut, Stops::obeyed);
  if (!world.all_agree(!stop_requested())) {
    throw Error(ExitCode::checkpointed, "stopped on request; nothing was written");
  }
  return sum_in_order(world, mine);
}

}  // namespace enas::search
