// SPDX-License-Identifier: Apache-2.0
#include "run/batch_job.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "core/number.hpp"
#include "core/text.hpp"

namespace enas::run {

namespace {

/// The number that a variable holds; `otherwise` when there is none, with a line in `warnings` when
/// there is something else.
double variable_or(const char* name, const Range& allowed, double otherwise,
                   std::vector<std::string>& warnings) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  double value = otherwise;
  if (const auto problem = read_number(text, allowed, value)) {
    warnings.push_back(concat(name, " ", *problem, "; it is ignored"));
  }
  return value;
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
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  BatchJob job;
  if (const char* id = std::getenv("SLURM_JOB_ID")) job.id = id;
  job.restarts =
      static_cast<int>(variable_or("SLURM_RESTART_COUNT", between(0, 1e9), 0.0, job.warnings));
  job.end_s = variable_or("SLURM_JOB_END_TIME", above(0), kInfinity, job.warnings);
  return job;
}

}  // namespace enas::run
