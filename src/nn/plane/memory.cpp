// SPDX-License-Identifier: Apache-2.0
#include "nn/plane/memory.hpp"

#include <ATen/Parallel.h>
#include <sys/mman.h>

#include <new>

namespace enas::nn {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// With pages of 4 KiB the walk over a large image is bound by address translation.
float* allocate(std::size_t size) {
  const std::size_t alignment = size * sizeof(float) < kHugePage ? kAlignment : kHugePage;
  const std::size_t units = (size * sizeof(float) + alignment - 1) / alignment;
  const std::size_t bytes = std::max<std::size_t>(units, 1) * alignment;
  void* const data = std::aligned_alloc(alignment, bytes);
  if (data == nullptr) throw std::bad_alloc();
  if (alignment == kHugePage) madvise(data, bytes, MADV_HUGEPAGE);  // only a wish
  return static_cast<float*>(data);
}

}  // namespace

PlaneBuffer::PlaneBuffer(std::size_t size) : data_(allocate(size)), size_(size) {}

PlaneBuffer::~PlaneBuffer() {
  if (owner_ != nullptr && data_ != nullptr) owner_->free_[size_].push_back(std::move(data_));
}

void PlaneBuffer::swap(PlaneBuffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(owner_, other.owner_);
}

float* PlaneScratch::take(Use use, std::size_t count) {
  PlaneBuffer& buffer = buffers_[use];
  if (buffer.size() < count + kPlaneSlack) buffer = PlaneBuffer(count + kPlaneSlack);
  return buffer.data();
}

PlaneBuffer PlaneMemory::take(std::size_t size) {
  std::vector<PlaneBuffer::Data>& free = free_[size];
  PlaneBuffer buffer;
  if (free.empty()) {
    buffer = PlaneBuffer(size);
  } else {
    buffer.data_ = std::move(free.back());
    buffer.size_ = size;
    free.pop_back();
  }
  buffer.owner_ = this;
  return buffer;
}

void PlaneMemory::begin_pass(const PlaneShape& batch) {
  if (batch == batch_) return;
  free_.clear();
  batch_ = batch;
}

void PlaneMemory::prepare_scratch() {
  const auto threads = static_cast<std::size_t>(at::get_num_threads());
  if (scratch_.size() < threads) scratch_.resize(threads);
}

PlaneScratch& PlaneMemory::scratch() {
  return scratch_.at(static_cast<std::size_t>(at::get_thread_num()));
}

}  // namespace enas::nn
