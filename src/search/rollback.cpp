// SPDX-License-Identifier: Apache-2.0
#include "search/rollback.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::search {

std::string overflow_text(int num_finite) {
  return concat("the gradients of ", num_finite, " slots are finite but their sum is not ",
                "(float32 ends at 3.4e38): no weight was moved");
}

std::string divergence(const std::string& section, std::int64_t step, std::int64_t bad_steps,
                       std::int64_t rollbacks, std::int64_t max_rollbacks) {
  std::string what = bad_steps > 0 ? concat("no finite loss or gradient for ", bad_steps,
                                            " steps in a row at step ", step)
                                   : concat("weights that are not finite at step ", step);
  if (rollbacks < max_rollbacks) return what;
  throw Error(
      ExitCode::diverged,
      concat(what, ", after ", rollbacks, " reloads with the learning rate halved; lower ", section,
             ".lr or ", section, ".clip_norm, or raise reliability.max_rollbacks"));
}

}  // namespace enas::search
