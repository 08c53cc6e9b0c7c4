// SPDX-License-Identifier: Apache-2.0
// Log-probabilities and entropies of given architectures: Controller::evaluate() after its checks.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/controller.hpp"

namespace enas::controller {

/// One pass over `tokens`, [architectures, num_tokens], valid ones. T is the type of θ.
/// Differentiable in θ when gradients are enabled; the controller must outlive the backward pass.
template <typename T>
Evaluation score(const Controller& controller, std::vector<std::int32_t> tokens);

}  // namespace enas::controller
