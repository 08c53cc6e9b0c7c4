// SPDX-License-Identifier: Apache-2.0
// The instruction sets that kernels are compiled for: the baseline, AVX2, AVX-512 and NEON. What
// lies between them brings nothing to loops over floats. Comes before <hwy/foreach_target.h>.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
