// SPDX-License-Identifier: Apache-2.0
#include "search/settings.hpp"

namespace enas::search {

const char* name_of(StrategyKind kind) {
  return kind == StrategyKind::random ? "random" : "reinforce";
}

task::Options task_options(const Settings& settings) {
  return {.is_of_images = space::is_of_images(settings.space.kind),
          .seed = settings.run.seed,
          .data = settings.data,
          .training = settings.weights,
          .reward = settings.rollout,
          .validation = settings.validation};
}

}  // namespace enas::search
