// SPDX-License-Identifier: Apache-2.0
#include "app/machine/switches.hpp"

#include <cstdlib>
#include <cstring>

namespace enas::app {

bool is_switched_on(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr || std::strcmp(value, "0") != 0;
}

}  // namespace enas::app
