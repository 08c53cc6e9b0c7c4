// SPDX-License-Identifier: Apache-2.0
#include "task/task.hpp"

#include <cmath>

#include "core/text.hpp"
#include "task/image_task.hpp"
#include "task/language_task.hpp"

namespace enas::task {

const char* Metric::name() const { return kind == Kind::perplexity ? "perplexity" : "accuracy"; }

const char* Metric::example() const { return kind == Kind::perplexity ? "token" : "image"; }

bool Metric::better(double value, double than) const {
  return higher_is_better() ? value > than : value < than;
}

double Metric::of(double loss, double accuracy) const {
  return kind == Kind::perplexity ? std::exp(loss) : accuracy;
}

std::string Metric::text(double value) const {
  return kind == Kind::perplexity ? fixed(value, 2) : concat(fixed(100.0 * value, 2), " %");
}

void warn_of_data(Log& log, const Task& task) {
  for (const std::string& warning : task.data_warnings()) log.warn(warning);
}

std::unique_ptr<Task> make_task(const Options& options, const SlotRange& own_slots) {
  if (options.is_of_images) return std::make_unique<ImageTask>(options, own_slots);
  return std::make_unique<LanguageTask>(options);
}

}  // namespace enas::task
