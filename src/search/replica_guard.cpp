// SPDX-License-Identifier: Apache-2.0
#include "search/replica_guard.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "core/text.hpp"

namespace enas::search {

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

ReplicaGuard::ReplicaGuard(comm::World& world, const WeightOptimizer& optimizer,
                           std::size_t num_weights, Strategy& strategy)
    : world_(world), optimizer_(optimizer), strategy_(strategy), has_moved_(num_weights, 0) {}

void ReplicaGuard::note_touched(const std::vector<int>& weights) {
  for (const int weight : weights) {
    char& has_moved = has_moved_[static_cast<std::size_t>(weight)];
    if (has_moved == 0) moved_.push_back(weight);
    has_moved = 1;
  }
}

void ReplicaGuard::check_touched(std::int64_t step) {
  auto arrays = strategy_.state();
  std::sort(moved_.begin(), moved_.end());
  for (const int weight : moved_) {
    has_moved_[static_cast<std::size_t>(weight)] = 0;
    for (auto& array : optimizer_.arrays_of_weight(weight)) arrays.push_back(std::move(array));
  }
  moved_.clear();
  compare_replicas(world_, arrays, step);
}

void ReplicaGuard::check_all(std::int64_t step) {
  std::vector<int> all(has_moved_.size());
  std::iota(all.begin(), all.end(), 0);
  note_touched(all);
  check_touched(step);
}

void ReplicaGuard::check_strategy(std::int64_t step) {
  compare_replicas(world_, strategy_.state(), step);
}

}  // namespace enas::search
