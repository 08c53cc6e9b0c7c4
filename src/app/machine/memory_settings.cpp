// SPDX-License-Identifier: Apache-2.0
#include "app/machine/memory_settings.hpp"

#include <malloc.h>

#include "app/machine/switches.hpp"

namespace enas::app {
namespace {

bool is_wanted() { return is_switched_on("ENAS_HPC_KEEP_MEMORY"); }

}  // namespace

void keep_memory() {
  if (!is_wanted()) return;
  mallopt(M_MMAP_MAX, 0);         // large blocks from the heap too, where they are found again
  mallopt(M_TRIM_THRESHOLD, -1);  // and its end is never given back
}

std::string memory_settings_state() {
  return is_wanted() ? "freed memory is kept" : "as the C library has it (ENAS_HPC_KEEP_MEMORY=0)";
}

}  // namespace enas::app
