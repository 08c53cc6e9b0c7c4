// SPDX-License-Identifier: Apache-2.0
#include "search/evaluator/evaluator.hpp"

#include "search/evaluator/shared.hpp"
#include "search/evaluator/table.hpp"

namespace enas::search {

std::unique_ptr<Evaluator> make_evaluator(const Settings& settings, const space::SearchSpace& space,
                                          const comm::Block& own_slots) {
  if (settings.evaluation.kind == Evaluation::table) {
    return std::make_unique<TableEvaluator>(settings.evaluation.table, space);
  }
  return std::make_unique<SharedEvaluator>(settings, own_slots);
}

void warn_of_data(Log& log, const Evaluator& evaluator) {
  for (const std::string& warning : evaluator.data_warnings()) log.warn(warning);
}

}  // namespace enas::search
