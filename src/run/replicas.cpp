// SPDX-License-Identifier: Apache-2.0
#include "run/replicas.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>

#include "core/match.hpp"
#include "core/text.hpp"
#include "run/slot_states.hpp"

namespace enas::run {

namespace {

/// Ranks whose digest is not the most common one (ties: not that of the lowest rank).
std::vector<int> minority(const std::vector<io::Digest>& digests) {
  std::map<io::Digest, int> count;
  for (const auto& digest : digests) ++count[digest];
  io::Digest common = digests.front();
  for (const auto& digest : digests) {
    if (count[digest] > count[common]) common = digest;
  }
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < digests.size(); ++rank) {
    if (digests[rank] != common) ranks.push_back(static_cast<int>(rank));
  }
  return ranks;
}

/// What each rank sent of array number `i`; zero where it has none.
std::vector<io::Digest> digests_of_array(const std::vector<std::vector<std::byte>>& sent,
                                         std::size_t i) {
  std::vector<io::Digest> digests(sent.size());
  for (std::size_t rank = 0; rank < sent.size(); ++rank) {
    if ((i + 1) * sizeof(io::Digest) > sent[rank].size()) continue;
    std::memcpy(&digests[rank], sent[rank].data() + i * sizeof(io::Digest), sizeof(io::Digest));
  }
  return digests;
}

}  // namespace

void compare_replicas(comm::World& world, const std::vector<NamedArray>& arrays,
                      std::int64_t step) {
  const auto digests = world.all_gather_value(digest_of(arrays));
  if (minority(digests).empty()) return;
  std::vector<io::Digest> mine;
  for (const auto& array : arrays) mine.push_back(digest_of(std::span(&array, 1)));
  // All arrays in one go: a rank that counts them wrongly must not wait for another collective.
  const auto of_arrays = world.all_gather_varied(std::as_bytes(std::span(mine)));
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const auto ranks = minority(digests_of_array(of_arrays, i));
    if (ranks.empty()) continue;
    throw ReplicasDiffer(concat("replicas differ at step ", step, ": '", arrays[i].name,
                                "' on rank ", join(ranks, ", ")));
  }
  throw ReplicasDiffer(concat("replicas differ at step ", step, ": the number of arrays on rank ",
                              join(minority(digests), ", ")));
}

void compare_all(comm::World& world, const State& state, std::int64_t step) {
  compare_replicas(world, state.replicated(), step);
  if (const auto* slots = state.slots()) check_carried(world, *slots->own, step);
}

void broadcast_replicas(comm::World& world, const std::function<State()>& state) {
  const State small = state();
  const auto send = [&](auto* values) {
    values->resize(world.broadcast_value(values->size()));
    world.broadcast(std::as_writable_bytes(std::span(*values)));
  };
  for (const Field& field : small.fields) {
    std::visit(Match{[&](const Number& number) {
                       std::visit([&](auto* value) { *value = world.broadcast_value(*value); },
                                  number.value);
                     },
                     [&](const Sequence& sequence) {
                       std::visit(send, sequence.values);
                       if (sequence.shape != nullptr) send(sequence.shape);
                     },
                     [](const auto&) {}},
               field);
  }
  const State whole = state();
  for (const Field& field : whole.fields) {
    const auto* group = std::get_if<ArrayGroup>(&field);
    if (group == nullptr) continue;
    for (const auto& array : group->arrays) world.broadcast(array.bytes());
  }
}

void MovedWeights::note(const std::vector<int>& weights) {
  for (const int weight : weights) {
    const auto number = static_cast<std::size_t>(weight);
    if (number >= has_moved_.size()) has_moved_.resize(number + 1, 0);
    has_moved_[number] = 1;
  }
}

void MovedWeights::compare(comm::World& world, const State& state, std::int64_t step) {
  State moved = state;
  for (Field& field : moved.fields) {
    auto* group = std::get_if<ArrayGroup>(&field);
    if (group == nullptr || !group->is_by_weight) continue;
    std::vector<NamedArray> arrays;
    for (std::size_t i = 0; i < std::min(group->arrays.size(), has_moved_.size()); ++i) {
      if (has_moved_[i] != 0) arrays.push_back(std::move(group->arrays[i]));
    }
    group->arrays = std::move(arrays);
  }
  has_moved_.clear();
  compare_replicas(world, moved.replicated(), step);
}

}  // namespace enas::run
