// SPDX-License-Identifier: Apache-2.0
// Device memory is mapped twice: what the caller gets may not be touched, so host code that follows
// a device pointer dies of SIGSEGV as it would on a real machine.
#include <cuda_runtime_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "stand_in.hpp"

namespace {

struct Allocation {
  char* twin;
  std::size_t bytes;
};

std::mutex memory_mutex;
std::map<const char*, Allocation> allocations;

std::mutex stream_mutex;
std::deque<std::function<void()>> stream;
std::atomic<int> unfinished{0};

thread_local int current_device = 0;

int device_count() {
  const std::string count = stand_in::setting("ENAS_STAND_IN_DEVICES");
  return count.empty() ? 8 : std::stoi(count);
}

std::string pci_id_of(int device) {
  const bool same = stand_in::setting("ENAS_STAND_IN_PCI") == "same";
  char id[16];
  std::snprintf(id, sizeof id, "0000:%02X:00.0", same ? 1 : device + 1);
  return id;
}

[[noreturn]] void work_off_stream() {
  while (true) {
    std::function<void()> work;
    {
      const std::lock_guard lock(stream_mutex);
      if (!stream.empty()) {
        work = std::move(stream.front());
        stream.pop_front();
      }
    }
    if (work) {
      work();
      --unfinished;
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
}

/// As a real copy of pageable memory does: without a deadline.
void wait_for_stream() {
  while (unfinished > 0) std::this_thread::yield();
}

}  // namespace

namespace stand_in {

void* hidden(const void* device_memory, std::size_t bytes) {
  const std::lock_guard lock(memory_mutex);
  const auto* const at = static_cast<const char*>(device_memory);
  auto next = allocations.upper_bound(at);
  if (next != allocations.begin()) {
    const auto& [begin, allocation] = *std::prev(next);
    if (at + bytes <= begin + allocation.bytes) return allocation.twin + (at - begin);
  }
  std::fprintf(stderr, "stand-in: %zu bytes at %p are no device memory\n", bytes, device_memory);
  std::abort();
}

std::string pci_id() { return pci_id_of(current_device); }

void queue_on_stream(std::function<void()> work) {
  static const bool started = [] {
    std::thread(work_off_stream).detach();
    return true;
  }();
  static_cast<void>(started);
  const std::lock_guard lock(stream_mutex);
  ++unfinished;
  stream.push_back(std::move(work));
}

}  // namespace stand_in

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count();
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  std::snprintf(id, static_cast<std::size_t>(length), "%s", pci_id_of(device).c_str());
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorNoDevice ? "no CUDA-capable device is detected" : "stand-in error";
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  const int file = memfd_create("stand-in", 0);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) {
    return cudaErrorMemoryAllocation;
  }
  void* const outside = mmap(nullptr, bytes, PROT_NONE, MAP_SHARED, file, 0);
  void* const twin = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (outside == MAP_FAILED || twin == MAP_FAILED) return cudaErrorMemoryAllocation;
  std::memset(twin, 0xff, bytes);  // NaN: what was never written is seen
  const std::lock_guard lock(memory_mutex);
  allocations[static_cast<char*>(outside)] = {static_cast<char*>(twin), bytes};
  *memory = outside;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  wait_for_stream();
  const std::lock_guard lock(memory_mutex);
  const auto found = allocations.find(static_cast<char*>(memory));
  if (found == allocations.end()) return cudaErrorInvalidValue;
  munmap(found->second.twin, found->second.bytes);
  munmap(memory, found->second.bytes);
  allocations.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  wait_for_stream();
  if (kind == cudaMemcpyHostToDevice) {
    std::memcpy(stand_in::hidden(to, bytes), from, bytes);
  } else if (kind == cudaMemcpyDeviceToHost) {
    std::memcpy(to, stand_in::hidden(from, bytes), bytes);
  } else {
    return cudaErrorInvalidMemcpyDirection;
  }
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t) {
  return unfinished > 0 ? cudaErrorNotReady : cudaSuccess;
}

}  // extern "C"
