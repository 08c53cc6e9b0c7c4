// SPDX-License-Identifier: Apache-2.0
// In what numbers large products are computed. Weights, activations and gradients stay float32.
#pragma once

namespace enas::nn {

enum class Precision {
  float32,
  tf32,      ///< GPUs: factors rounded to 10 bits, products accumulated in float32; else float32
  bfloat16,  ///< factors rounded to bfloat16, products accumulated in float32
};

}  // namespace enas::nn
