// SPDX-License-Identifier: Apache-2.0
// Buffers are flat; a request is a view of the first values.
#include "nn/workspace.hpp"

#include <torch/torch.h>

#include <numeric>

namespace enas::nn {

at::Tensor Workspace::take(std::string_view name, at::IntArrayRef sizes,
                           const at::TensorOptions& options) {
  const std::int64_t count =
      std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
  auto found = buffers_.find(name);
  if (found == buffers_.end()) found = buffers_.emplace(std::string(name), at::Tensor()).first;
  at::Tensor& buffer = found->second;
  if (!buffer.defined() || buffer.numel() < count || buffer.dtype() != options.dtype() ||
      buffer.device() != options.device()) {
    buffer = at::Tensor();  // the old one goes before the new one comes
    buffer = at::empty({count}, options);
  }
  return buffer.narrow(0, 0, count).view(sizes);
}

}  // namespace enas::nn
