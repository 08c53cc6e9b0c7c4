// SPDX-License-Identifier: Apache-2.0
#include "comm/nccl_reducer.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <exception>
#include <iterator>

#include "comm/nccl_communicator.hpp"
#include "comm/slot_partials.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

// What is written where no slot touches a tensor: adding -0 changes no number, not even a zero.
constexpr float kNothing = -0.0F;

void check(cudaError_t error, const World& world, const char* operation) {
  if (error == cudaSuccess) return;
  throw SystemError(concat("CUDA failed on rank ", world.rank(), " (", world.node_name(), ") in ",
                           operation, ": ", cudaGetErrorString(error)));
}

/// Device memory that grows when more is needed and never shrinks.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(const World& world) : world_(world) {}
  // After a failure the device may never answer again. The end of the process frees its memory.
  ~DeviceBuffer() {
    if (std::uncaught_exceptions() == 0) cudaFree(values_);
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  float* at_least(std::int64_t length) {
    if (length > length_) {
      check(cudaFree(values_), world_, "freeing memory");
      values_ = nullptr;
      length_ = 0;
      void* memory = nullptr;
      check(cudaMalloc(&memory, static_cast<std::size_t>(length) * sizeof(float)), world_,
            "allocating the gradient buffer");
      values_ = static_cast<float*>(memory);
      length_ = length;
    }
    return values_;
  }

 private:
  const World& world_;
  float* values_ = nullptr;
  std::int64_t length_ = 0;
};

class NcclReducer final : public GradientReducer {
 public:
  NcclReducer(World& world, int num_slots, double timeout_s)
      : world_(world),
        partials_(block_of(world.rank(), world.size(), num_slots), num_slots),
        communicator_(world, timeout_s),
        buffer_(world) {}

  void begin(const ReductionPlan& plan) override { partials_.begin(plan); }
  std::span<float> slot_buffer() override { return partials_.slot_buffer(); }
  void merge_slot(int slot) override { partials_.merge_slot(slot); }
  std::span<const float> reduce() override;
  ReductionCost last_cost() const override { return cost_; }

 private:
  SlotPartials::Partial& merge_own_slots();

  World& world_;
  SlotPartials partials_;
  NcclCommunicator communicator_;
  DeviceBuffer buffer_;
  ReductionCost cost_;
};

/// The sum of all own slots, smallest node first, with nothing where they touch nothing.
SlotPartials::Partial& NcclReducer::merge_own_slots() {
  auto& partials = partials_.all();
  for (auto right = std::prev(partials.end()); right != partials.begin(); --right) {
    partials_.merge(*std::prev(right), *right);
  }
  auto& own = partials.front();
  const auto& tensors = partials_.plan().tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!std::binary_search(own.tensors.begin(), own.tensors.end(), static_cast<int>(i))) {
      std::fill_n(own.values.data() + tensors[i].offset, tensors[i].length, kNothing);
    }
  }
  return own;
}

std::span<const float> NcclReducer::reduce() {
  partials_.finish();
  const Stopwatch watch;
  const std::int64_t total = partials_.plan().total();
  const std::int64_t bytes = total * static_cast<std::int64_t>(sizeof(float));
  cost_ = {};
  auto& own = merge_own_slots();
  if (total > 0) {
    float* const device = buffer_.at_least(total);
    check(cudaMemcpy(device, own.values.data(), static_cast<std::size_t>(bytes),
                     cudaMemcpyHostToDevice),
          world_, "copying gradients to the device");
    communicator_.sum(device, total);
    // The copy has no time limit of its own, so it starts only after the sum has ended, which has.
    check(cudaMemcpy(own.values.data(), device, static_cast<std::size_t>(bytes),
                     cudaMemcpyDeviceToHost),
          world_, "copying the sum from the device");
    cost_.bytes_sent = 2 * bytes * (world_.size() - 1) / world_.size();
  }
  cost_.seconds = watch.seconds();
  return std::span(own.values).first(static_cast<std::size_t>(total));
}

}  // namespace

std::unique_ptr<GradientReducer> make_nccl_reducer(World& world, int num_slots, double timeout_s) {
  check_slots(num_slots, world.size());
  return std::make_unique<NcclReducer>(world, num_slots, timeout_s);
}

}  // namespace enas::comm
