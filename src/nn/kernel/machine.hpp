// SPDX-License-Identifier: Apache-2.0
// What this machine can do at best, measured: the speed of a search is held against it.
#pragma once

#include <string>

namespace enas::nn {

/// The instruction set that LibTorch's kernels use here ("AVX512").
std::string instruction_set();
/// Sets LibTorch's threads for this process and returns what is in force.
int set_threads(int threads);

/// float32 multiply-adds in registers on `threads` threads of their own, in GFLOP/s: the best of
/// several attempts of `seconds` each. A multiply-add is two operations.
double register_peak_gflops(int threads, double seconds = 0.005);
/// What all kernels run on here: "AVX3", "AVX2", …
const char* simd_target();
/// From now on all kernels run on AVX2 at most. Before the first kernel runs.
void limit_simd_to_avx2();

/// LibTorch's matrix products with the threads in force, in GFLOP/s. Takes some tenths of a second.
struct ProductRates {
  double step = 0.0;           ///< float32, 64 × 1000 × 2000: as in a recurrent step
  double large = 0.0;          ///< float32, 2048 × 2048 × 2048
  double step_bfloat16 = 0.0;  ///< bfloat16, 64 × 1000 × 2000
};
ProductRates product_rates();

/// Main memory with the threads in force, in GB/s of bytes written.
struct MemoryRates {
  double copy = 0.0;
  double first_touch = 0.0;  ///< of fresh memory
};
MemoryRates memory_rates();

}  // namespace enas::nn
