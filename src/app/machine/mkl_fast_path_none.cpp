// SPDX-License-Identifier: Apache-2.0
// In the place of mkl_fast_path.cpp when that is not built.
#include "app/machine/mkl_fast_path.hpp"

namespace enas::app {

std::string mkl_fast_path_state() {
  return "not built (ENAS_MKL_FAST_PATH is off, or LibTorch is without MKL)";
}

}  // namespace enas::app
