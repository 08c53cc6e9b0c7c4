// SPDX-License-Identifier: Apache-2.0
#include "app/command/pipeline_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/text.hpp"

namespace enas::app {
namespace {

struct Spread {
  double mean = 0.0;
  double deviation = 0.0;  ///< of the sample; NaN for one value
};

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value / count;
  for (const double value : values) spread.deviation += std::pow(value - spread.mean, 2);
  spread.deviation = std::sqrt(spread.deviation / (count - 1.0));
  return spread;
}

/// One row of cells, flush right but for the first.
std::string row_of(const std::vector<std::string>& cells) {
  constexpr std::size_t kWidth = 14;
  std::string row;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string gap(kWidth - std::min(kWidth, cells[i].size()), ' ');
    row += i == 0 ? cells[i] + gap : gap + cells[i];
  }
  return row;
}

/// Anything is better than what is not finite.
bool is_better(double value, double than, bool higher_is_better) {
  if (!std::isfinite(value) || !std::isfinite(than)) return std::isfinite(value);
  return higher_is_better ? value > than : value < than;
}

}  // namespace

void mark_best_of_seeds(std::vector<PipelineResult>& results, bool higher_is_better) {
  std::map<std::pair<std::string, std::uint64_t>, PipelineResult*> best;
  for (PipelineResult& result : results) {
    result.is_best_of_seed = false;
    const auto [place, is_first] = best.emplace(std::pair(result.strategy, result.seed), &result);
    if (!is_first && is_better(result.validation, place->second->validation, higher_is_better)) {
      place->second = &result;
    }
  }
  for (const auto& entry : best) entry.second->is_best_of_seed = true;
}

Json results_json(const std::vector<PipelineResult>& results) {
  Json rows = Json::array();
  for (const auto& result : results) {
    rows.push_back({{"strategy", result.strategy},
                    {"seed", result.seed},
                    {"rank", result.rank},
                    {"shared_weights_validation", result.shared},
                    {"validation", result.validation},
                    {"test", result.test},
                    {"best_of_seed", result.is_best_of_seed},
                    {"run_dir", result.run_dir}});
  }
  return rows;
}

std::string results_text(const std::vector<PipelineResult>& results, bool is_text) {
  const auto number = [&](double value) {
    return is_text ? fixed(value, 2) : fixed(100.0 * value, 2) + " %";
  };
  std::string out = concat(is_text ? "Perplexity" : "Accuracy", "\n");
  out += row_of({"strategy", "seed", "rank", "shared", "validation", "test"}) + "\n";
  std::map<std::string, std::vector<double>> tests;
  for (const auto& result : results) {
    out += row_of({result.strategy, std::to_string(result.seed), std::to_string(result.rank),
                   number(result.shared), number(result.validation), number(result.test)});
    out += result.is_best_of_seed ? " *\n" : "\n";
    if (result.is_best_of_seed) tests[result.strategy].push_back(result.test);
  }
  out += "* the best of its seed by validation\n";
  for (const auto& [strategy, values] : tests) {
    const Spread spread = spread_of(values);
    out += concat(strategy, ": test of each seed's best ", number(spread.mean),
                  values.size() > 1 ? concat(" ± ", number(spread.deviation)) : "",
                  " (n = ", values.size(), values.size() > 1 ? " seeds)\n" : " seed)\n");
  }
  return out;
}

}  // namespace enas::app
