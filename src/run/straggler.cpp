// SPDX-License-Identifier: Apache-2.0
#include "run/straggler.hpp"

#include <algorithm>

#include "comm/slot_tree.hpp"
#include "core/text.hpp"

namespace enas::run {

StragglerWatch::StragglerWatch(const ReliabilityOptions& options, std::vector<std::string> nodes)
    : options_(options), nodes_(std::move(nodes)), seconds_(nodes_.size()) {}

std::string StragglerWatch::note(const std::vector<StepRecord>& slots) {
  const int num_ranks = static_cast<int>(nodes_.size());
  if (options_.straggler_factor == 0.0 || num_ranks < 2) return "";
  const int num_slots = static_cast<int>(slots.size());
  for (int rank = 0; rank < num_ranks; ++rank) {
    const comm::Block own = comm::block_of(rank, num_ranks, num_slots);
    for (int slot = own.begin; slot < own.end; ++slot) {
      // A rank with more slots is not slower for it.
      seconds_[static_cast<std::size_t>(rank)] +=
          slots[static_cast<std::size_t>(slot)].seconds / own.size();
    }
  }
  ++steps_;
  const double interval_s = since_begin_.seconds();
  if (interval_s < options_.straggler_interval_s) return "";
  std::string text = verdict(interval_s);
  std::fill(seconds_.begin(), seconds_.end(), 0.0);
  steps_ = 0;
  since_begin_.restart();
  return text;
}

std::string StragglerWatch::verdict(double interval_s) const {
  const auto slowest = std::max_element(seconds_.begin(), seconds_.end());
  const auto rank = static_cast<std::size_t>(slowest - seconds_.begin());
  std::vector<double> others(seconds_.begin(), slowest);
  others.insert(others.end(), slowest + 1, seconds_.end());
  const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
  std::nth_element(others.begin(), middle, others.end());
  if (*slowest <= options_.straggler_factor * *middle) return "";
  return concat("rank ", rank, " (", nodes_[rank], ") is slow: ", fixed(*slowest / steps_, 4),
                " s a slot, the median of the others ", fixed(*middle / steps_, 4), " s (", steps_,
                " steps in ", human_duration(interval_s),
                "); all ranks wait for it, so look at the load, the clock and the cores of that "
                "node (reliability.straggler_factor is ",
                options_.straggler_factor, ")");
}

std::vector<std::string> gather_nodes(comm::World& world) {
  std::vector<std::string> nodes;
  const auto& mine = world.node_name();
  for (const auto& name : world.all_gather_varied(std::as_bytes(std::span(mine)))) {
    nodes.emplace_back(reinterpret_cast<const char*>(name.data()), name.size());
  }
  return nodes;
}

}  // namespace enas::run
