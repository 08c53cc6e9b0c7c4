// SPDX-License-Identifier: Apache-2.0
#include "app/machine/instruction_set.hpp"

#include <cstdlib>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"
#include "nn/kernel/machine.hpp"

namespace enas::app {

void limit_instruction_set() {
  const char* value = std::getenv("ENAS_HPC_INSTRUCTION_SET");
  if (value == nullptr || *value == '\0') return;
  if (std::string_view(value) != "avx2") {
    throw ConfigError(concat("ENAS_HPC_INSTRUCTION_SET is '", value, "'; it is avx2 or not set"));
  }
  nn::limit_simd_to_avx2();
  // Each library reads its variable when it computes for the first time.
  setenv("ATEN_CPU_CAPABILITY", "avx2", 1);
  setenv("MKL_ENABLE_INSTRUCTIONS", "AVX2", 1);
  setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
}

}  // namespace enas::app
