// SPDX-License-Identifier: Apache-2.0
// Where images are kept as planes: their layout, buffers that outlive a pass, scratch of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "nn/plane/kernels.hpp"

namespace enas::nn {

/// A batch of images as blocks of about kBlockPixels pixels a channel: one image of 32×32, four of
/// 16×16. A block holds its channels one after the other, a channel the planes of its images.
struct PlaneShape {
  bool operator==(const PlaneShape&) const = default;

  static constexpr int kBlockPixels = 1024;
  /// Between channels, so that they do not meet in the same set of a cache.
  static constexpr std::size_t kChannelGap = 16;

  int images = 0;
  int channels = 0;
  int height = 0;
  int width = 0;

  int pixels() const { return height * width; }
  int block_images() const { return std::max(1, kBlockPixels / pixels()); }
  int num_blocks() const { return (images + block_images() - 1) / block_images(); }
  int first_image(int block) const { return block * block_images(); }
  int images_of(int block) const { return std::min(block_images(), images - first_image(block)); }
  /// Floats from one channel of a block to the next.
  std::size_t channel_stride() const { return channel_stride_of(pixels()); }
  /// The same where a plane takes `plane_size` floats.
  std::size_t channel_stride_of(int plane_size) const {
    return static_cast<std::size_t>(block_images()) * static_cast<std::size_t>(plane_size) +
           kChannelGap;
  }
  std::size_t block_offset(int block) const {
    return static_cast<std::size_t>(block) * static_cast<std::size_t>(channels) * channel_stride();
  }
  std::size_t plane_offset(int image, int channel) const {
    return block_offset(image / block_images()) +
           static_cast<std::size_t>(channel) * channel_stride() +
           static_cast<std::size_t>(image % block_images() * pixels());
  }
  std::size_t size() const { return block_offset(num_blocks()) + kPlaneSlack; }
};

class PlaneMemory;

/// Floats aligned for SIMD, of unspecified values at first. One that came from a PlaneMemory goes
/// back to it. Move-only.
class PlaneBuffer {
 public:
  PlaneBuffer() = default;
  explicit PlaneBuffer(std::size_t size);
  PlaneBuffer(PlaneBuffer&& other) noexcept { swap(other); }
  PlaneBuffer& operator=(PlaneBuffer&& other) noexcept {
    PlaneBuffer(std::move(other)).swap(*this);
    return *this;
  }
  ~PlaneBuffer();
  float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return data_ == nullptr; }

 private:
  friend class PlaneMemory;
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  using Data = std::unique_ptr<float[], Free>;
  void swap(PlaneBuffer& other) noexcept;

  Data data_;
  std::size_t size_ = 0;
  PlaneMemory* owner_ = nullptr;
};

/// Scratch of one thread: a few float arrays that grow when needed and never shrink.
class PlaneScratch {
 public:
  enum Use { padded_input, padded_gradient, input, gradient, product, plane, num_uses };
  /// At least `count` floats and kPlaneSlack behind them, of unspecified values.
  float* take(Use use, std::size_t count);

 private:
  std::array<PlaneBuffer, num_uses> buffers_;
};

/// Keeps buffers from pass to pass, since fresh pages cost more than the arithmetic on them. One
/// thread takes buffers and gives them back. Outlives its buffers.
class PlaneMemory {
 public:
  PlaneMemory() = default;
  PlaneMemory(const PlaneMemory&) = delete;
  PlaneMemory& operator=(const PlaneMemory&) = delete;

  /// The buffer of this size that was given back last, which may still be in a cache, or a new one.
  PlaneBuffer take(std::size_t size);
  /// A pass over batches of this shape begins: buffers of other shapes are forgotten.
  void begin_pass(const PlaneShape& batch);
  /// Of the calling thread of a parallel loop. prepare_scratch() comes before the loop.
  PlaneScratch& scratch();
  void prepare_scratch();

 private:
  friend class PlaneBuffer;
  std::map<std::size_t, std::vector<PlaneBuffer::Data>> free_;
  std::vector<PlaneScratch> scratch_;
  PlaneShape batch_;
};

}  // namespace enas::nn
