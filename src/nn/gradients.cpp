// SPDX-License-Identifier: Apache-2.0
#include "nn/gradients.hpp"

#include <torch/torch.h>

namespace enas::nn {

std::vector<at::Tensor> gradients(const at::Tensor& scalar, const std::vector<at::Tensor>& leaves) {
  std::vector<at::Tensor> found =
      torch::autograd::grad({scalar}, leaves, /*grad_outputs=*/{}, /*retain_graph=*/std::nullopt,
                            /*create_graph=*/false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].defined()) found[i] = at::zeros_like(leaves[i].detach());
  }
  return found;
}

}  // namespace enas::nn
