// SPDX-License-Identifier: Apache-2.0
// Buffers are flat; a request is a view of the first values.
#include "nn/workspace.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif
#include <torch/torch.h>

#include <cstdint>
#include <numeric>

namespace enas::nn {

void prefer_large_pages(const at::Tensor& buffer) {
#if defined(__linux__)
  constexpr std::uintptr_t kPage = std::uintptr_t{1} << 21U;
  if (!buffer.device().is_cpu()) return;
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.const_data_ptr());
  const std::uintptr_t begin = (address + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = (address + buffer.nbytes()) / kPage * kPage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

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
    prefer_large_pages(buffer);
  }
  return buffer.narrow(0, 0, count).view(sizes);
}

}  // namespace enas::nn
