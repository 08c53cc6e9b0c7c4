// SPDX-License-Identifier: Apache-2.0
// The time steps of a segment on the CPU in float32 memory: each thread takes some examples of the
// batch through all nodes and steps, with the weights packed once, so threads never wait for each
// other within a step.
#pragma once

#include "nn/recurrent/segment.hpp"

namespace enas::nn {

/// Whether the kernels can run it; what they cannot LibTorch's operations do.
bool has_segment_rows(const Segment& segment);

/// All steps: fills nodes, u and outputs from the x part in first_u.
void forward_rows(Segment& segment);
/// All steps backwards: leaves gradients of pre-activations in u, returns the gradient of the first
/// state.
at::Tensor backward_rows(Segment& segment, const at::Tensor& output_gradients);

}  // namespace enas::nn
