// SPDX-License-Identifier: Apache-2.0
// The bytes of a file that lies in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace enas::io {

/// Bytes that never change again; copies share them. Converts to std::span<const std::byte>.
class Image {
 public:
  Image() = default;
  /// Takes the vector over without copying its bytes; meant to convert silently.
  Image(std::vector<std::byte> bytes) {
    const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    bytes_ = std::shared_ptr<const std::byte>(owner, owner->data());
    size_ = owner->size();
  }
  Image(std::shared_ptr<const std::byte> bytes, std::size_t size)
      : bytes_(std::move(bytes)), size_(size) {}

  const std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size_; }

 private:
  std::shared_ptr<const std::byte> bytes_;
  std::size_t size_ = 0;
};

}  // namespace enas::io
