// SPDX-License-Identifier: Apache-2.0
#include "child/image_options.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::child {

void check_at_least(std::string_view key, int value, int least) {
  if (value >= least) return;
  throw ConfigError(concat("train.", key, " is ", value, "; it must be at least ", least));
}

void check_drop(std::string_view key, double value) {
  if (value >= 0.0 && value < 1.0) return;
  throw ConfigError(concat("train.", key, " is ", value,
                           "; it is a probability of dropping and must be in [0, 1)"));
}

}  // namespace enas::child
