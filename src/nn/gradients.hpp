// SPDX-License-Identifier: Apache-2.0
// Gradients by automatic differentiation.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace enas::nn {

/// The gradient of a scalar by each leaf: zeros by a leaf that it does not depend on, such as the
/// weight of a node that nobody reads.
std::vector<at::Tensor> gradients(const at::Tensor& scalar, const std::vector<at::Tensor>& leaves);

}  // namespace enas::nn
