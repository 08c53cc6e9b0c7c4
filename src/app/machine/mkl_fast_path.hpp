// SPDX-License-Identifier: Apache-2.0
// MKL's products take a slow path on processors that are not Intel's. The MKL inside LibTorch asks
// a function of its own whose processor it is; this program answers for it (CMake option
// ENAS_MKL_FAST_PATH). ENAS_HPC_MKL_FAST_PATH=0 leaves the answer to MKL.
#pragma once

#include <string>

namespace enas::app {

/// What came of it so far; MKL asks at its first product.
std::string mkl_fast_path_state();

}  // namespace enas::app
