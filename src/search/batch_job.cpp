// SPDX-License-Identifier: Apache-2.0
#include "search/batch_job.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "core/text.hpp"

namespace enas::search {

namespace {

/// The value of a variable that holds a positive number; `otherwise` when it holds anything else.
double positive(const char* variable, double otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  char* rest = nullptr;
  const double value = std::strtod(text, &rest);
  return value > 0.0 && *rest == '\0' ? value : otherwise;
}

}  // namespace

std::string BatchJob::name() const {
  return restarts > 0 ? concat(id, " (restart ", restarts, ")") : id;
}

double BatchJob::seconds_left() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::max(end_s - std::chrono::duration<double>(now).count(), 0.0);
}

BatchJob present_batch_job() {
  const char* id = std::getenv("SLURM_JOB_ID");
  if (id == nullptr) id = "";
  const double restarts = std::min(positive("SLURM_RESTART_COUNT", 0.0), 1e9);
  return {id, static_cast<int>(restarts),
          positive("SLURM_JOB_END_TIME", std::numeric_limits<double>::infinity())};
}

}  // namespace enas::search
