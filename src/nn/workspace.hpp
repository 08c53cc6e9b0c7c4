// SPDX-License-Identifier: Apache-2.0
// Large buffers that are kept between steps: fresh pages cost more than the arithmetic on them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace enas::nn {

/// Asks the system to hold a large buffer of host memory in large pages: products that stream
/// through many buffers otherwise wait for address translation. Advice only; best given before the
/// buffer is first written.
void prefer_large_pages(const at::Tensor& buffer);

/// Named buffers that grow when needed and never shrink. One owner, one thread.
class Workspace {
 public:
  /// A contiguous tensor with unspecified values; valid until the same name is taken again.
  at::Tensor take(std::string_view name, at::IntArrayRef sizes, const at::TensorOptions& options);

  /// Starts a use that spans a forward and its backward; every earlier use is over.
  std::uint64_t begin_use() { return ++use_; }
  std::uint64_t current_use() const { return use_; }

 private:
  std::map<std::string, at::Tensor, std::less<>> buffers_;
  std::uint64_t use_ = 0;
};

}  // namespace enas::nn
