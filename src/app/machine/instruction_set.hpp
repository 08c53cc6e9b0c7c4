// SPDX-License-Identifier: Apache-2.0
// ENAS_HPC_INSTRUCTION_SET=avx2: this process computes with AVX2 although its processor has
// AVX-512.
#pragma once

namespace enas::app {

/// Before anything is computed. Limits the kernels of this program, LibTorch, MKL and oneDNN.
/// Throws ConfigError for any other value than "avx2".
void limit_instruction_set();

}  // namespace enas::app
