// SPDX-License-Identifier: Apache-2.0
#include "run/slot_states.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "comm/slot_tree.hpp"
#include "core/text.hpp"
#include "run/replicas.hpp"

namespace enas::run {

std::vector<NamedArray> carried_arrays(std::vector<at::Tensor>& own) {
  std::vector<NamedArray> arrays;
  for (auto& state : own) {
    state = state.contiguous();
    arrays.push_back(named_array("carried state", state));
  }
  return arrays;
}

bool is_finite(const at::Tensor& carried) {
  return all_finite(named_array("carried state", carried.contiguous()));
}

bool are_finite(const std::vector<at::Tensor>& own) {
  return std::all_of(own.begin(), own.end(), is_finite);
}

void check_carried(comm::World& world, const std::vector<at::Tensor>& own, std::int64_t step) {
  const auto finite = world.all_gather_value(static_cast<std::int64_t>(are_finite(own)));
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < finite.size(); ++rank) {
    if (finite[rank] == 0) ranks.push_back(static_cast<int>(rank));
  }
  if (ranks.empty()) return;
  throw ReplicasDiffer(
      concat("a carried state on rank ", join(ranks, ", "), " is not finite at step ", step));
}

std::vector<float> gather_slot_states(comm::World& world, const std::vector<at::Tensor>& own) {
  std::vector<float> mine;
  for (const auto& state : own) {
    const auto flat = state.contiguous();
    mine.insert(mine.end(), flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  }
  std::vector<float> all;
  for (const auto& piece : world.gather_varied(std::as_bytes(std::span(mine)))) {
    const std::size_t old = all.size();
    all.resize(old + piece.size() / sizeof(float));
    std::memcpy(all.data() + old, piece.data(), piece.size());
  }
  return all;
}

void scatter_slot_states(comm::World& world, int slots, const std::vector<float>& all,
                         const std::vector<std::int64_t>& shape, std::vector<at::Tensor>& own) {
  std::int64_t size = 1;
  for (const auto extent : shape) size *= extent;
  std::vector<std::vector<std::byte>> pieces;
  for (int rank = 0; world.is_root() && rank < world.size(); ++rank) {
    const auto block = comm::block_of(rank, world.size(), slots);
    const auto values =
        std::as_bytes(std::span(all).subspan(static_cast<std::size_t>(block.begin * size),
                                             static_cast<std::size_t>(block.size() * size)));
    pieces.emplace_back(values.begin(), values.end());
  }
  const auto mine = world.scatter_varied(pieces);
  for (std::size_t i = 0; i < own.size(); ++i) {
    own[i] = at::empty(shape);
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
    std::memcpy(own[i].data_ptr<float>(), mine.data() + i * bytes, bytes);
  }
}

}  // namespace enas::run
