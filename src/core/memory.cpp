// SPDX-License-Identifier: Apache-2.0
#include "core/memory.hpp"

#include <fstream>
#include <string>

namespace enas {

double peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return 1024.0 * std::stod(line.substr(6));
  }
  return 0.0;
}

}  // namespace enas
