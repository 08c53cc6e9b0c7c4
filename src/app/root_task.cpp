// SPDX-License-Identifier: Apache-2.0
#include "app/root_task.hpp"

#include <iostream>

#include "core/error.hpp"

namespace enas::app {

void print_on_root(std::string_view text) {
  std::cout << text << std::flush;
  if (!std::cout) throw SystemError("cannot write to standard output");
}

}  // namespace enas::app
