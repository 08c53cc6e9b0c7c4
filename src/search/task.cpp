// SPDX-License-Identifier: Apache-2.0
#include "search/task.hpp"

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "search/image_task.hpp"
#include "search/language_task.hpp"
#include "search/tabular_task.hpp"

namespace enas::search {

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

double perplexity_reward(const RolloutOptions& options, double perplexity) {
  return std::min(options.reward_cap,
                  options.reward_scale / std::pow(perplexity, options.reward_exponent));
}

void warn_of_data(Log& log, const Task& task) {
  for (const std::string& warning : task.data_warnings()) log.warn(warning);
}

std::unique_ptr<Task> make_task(const Settings& settings, const comm::Block& own_slots) {
  switch (settings.space.kind) {
    case SpaceKind::recurrent:
      return std::make_unique<LanguageTask>(settings);
    case SpaceKind::tabular:
      return std::make_unique<TabularTask>(settings);
    case SpaceKind::macro:
    case SpaceKind::micro:
      break;
  }
  return std::make_unique<ImageTask>(settings, own_slots);
}

}  // namespace enas::search
