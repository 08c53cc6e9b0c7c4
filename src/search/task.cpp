// SPDX-License-Identifier: Apache-2.0
#include "search/task.hpp"

#include <cmath>

#include "core/text.hpp"
#include "search/image_task.hpp"
#include "search/language_task.hpp"

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

std::unique_ptr<Task> make_task(const Settings& settings, const comm::Block& own_slots) {
  if (settings.space.kind == SpaceKind::recurrent) return std::make_unique<LanguageTask>(settings);
  return std::make_unique<ImageTask>(settings, own_slots);
}

}  // namespace enas::search
