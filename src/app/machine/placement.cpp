// SPDX-License-Identifier: Apache-2.0
#include "app/machine/placement.hpp"

#include <sched.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "core/number.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

std::vector<int> own_cores() {
  std::vector<int> cores;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

}  // namespace

std::vector<RankPlacement> gather_placement(comm::World& world) {
  const std::string mine = concat(join(own_cores(), " "), "\n", world.node_name());
  std::vector<RankPlacement> placements;
  for (const auto& bytes : world.all_gather_varied(std::as_bytes(std::span(mine)))) {
    std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    RankPlacement placement;
    std::string line;
    std::getline(text, line);
    std::istringstream cores(line);
    for (int core = 0; cores >> core;) placement.cores.push_back(core);
    std::getline(text, placement.node);
    placements.push_back(std::move(placement));
  }
  return placements;
}

std::string cores_text(const std::vector<int>& cores) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < cores.size();) {
    std::size_t end = i + 1;
    while (end < cores.size() && cores[end] == cores[end - 1] + 1) ++end;
    runs.push_back(end - i == 1 ? concat(cores[i]) : concat(cores[i], "-", cores[end - 1]));
    i = end;
  }
  return join(runs, ",");
}

int threads_in_force(int run_threads, const std::string& omp_num_threads) {
  if (run_threads > 0) return run_threads;
  if (omp_num_threads.empty()) return 1;
  const std::string outer = omp_num_threads.substr(0, omp_num_threads.find(','));
  std::int64_t threads = 1;
  if (const auto problem = read_whole(outer, between(1, 1024), threads)) {
    throw ConfigError(concat("OMP_NUM_THREADS ", *problem, "; or set run.threads"),
                      ExitCode::usage);
  }
  return static_cast<int>(threads);
}

PlacementAdvice placement_advice(const std::vector<RankPlacement>& ranks, int threads,
                                 int cores_of_node) {
  PlacementAdvice advice;
  const auto on_node = std::count_if(ranks.begin(), ranks.end(), [&](const RankPlacement& rank) {
    return rank.node == ranks.front().node;
  });
  const auto busy = static_cast<int>(on_node) * threads;
  if (busy < cores_of_node) {
    advice.hint = concat(on_node, " rank(s) of ", threads, " thread(s) keep ", busy, " of ",
                         cores_of_node, " cores of ", ranks.front().node,
                         " busy; more ranks or run.threads (OMP_NUM_THREADS) would use the rest");
  }
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const auto& cores = ranks[rank].cores;
    if (static_cast<int>(cores.size()) >= threads || cores.empty()) continue;
    advice.warning = concat("rank ", rank, " has ", threads, " threads but is bound to core(s) ",
                            cores_text(cores), "; try mpirun --bind-to none");
    return advice;
  }
  if (busy > cores_of_node) {
    advice.warning = concat(busy, " threads share ", cores_of_node, " cores of ",
                            ranks.front().node, ": the search is the same, only slower");
  }
  return advice;
}

}  // namespace enas::app
