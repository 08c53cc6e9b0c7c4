// SPDX-License-Identifier: Apache-2.0
#include "train/split_score.hpp"

#include <cstring>
#include <span>
#include <vector>

#include "comm/slot_tree.hpp"
#include "run/together.hpp"

namespace enas::train {

namespace {

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

nn::Score split_score(comm::World& world, const task::Task& task, const task::Scorer& scorer,
                      const task::SplitCut& cut) {
  const auto own =
      comm::block_of(world.rank(), world.size(), static_cast<int>(task.num_parts(cut)));
  std::vector<nn::Score> mine;
  for (int part = own.begin; part < own.end; ++part) {
    world.note_progress("validation", part);
    mine.push_back(task.part_score(scorer, cut, part));
  }
  return sum_in_order(world, mine);
}

nn::Score split_score_unless_stopped(comm::World& world, const task::Task& task,
                                     const task::Scorer& scorer, const task::SplitCut& cut,
                                     run::StopControl& stop) {
  std::vector<nn::Score> mine;
  run::in_turns(world, "evaluation", static_cast<int>(task.num_parts(cut)), stop,
                [&](int part) { mine.push_back(task.part_score(scorer, cut, part)); });
  return sum_in_order(world, mine);
}

}  // namespace enas::train
