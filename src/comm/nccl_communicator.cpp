// SPDX-License-Identifier: Apache-2.0
#include "comm/nccl_communicator.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <thread>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

using Id = std::array<std::byte, sizeof(ncclUniqueId)>;

constexpr double kAbortLimit_s = 5.0;
constexpr auto kStartPoll = std::chrono::milliseconds(5);
constexpr int kSpinsBeforeSleep = 1000;
constexpr auto kPoll = std::chrono::microseconds(20);
constexpr cudaStream_t kStream = nullptr;

std::string text_of(ncclResult_t result, ncclComm_t comm) {
  const char* const detail = ncclGetLastError(comm);
  const bool has_detail = detail != nullptr && *detail != '\0';
  return concat(ncclGetErrorString(result), has_detail ? ": " : "", has_detail ? detail : "");
}

/// What a communicator says of itself: in progress, done, or an error.
ncclResult_t state_of(ncclComm_t comm) {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(comm, &state);
  return asked == ncclSuccess ? state : asked;
}

bool is_failure(ncclResult_t result) { return result != ncclSuccess && result != ncclInProgress; }

[[noreturn]] void throw_alike(const World::SharedFailure& failure) {
  throw ConfigError(concat("rank ", failure.rank, ": ", failure.message), failure.code);
}

/// Whether the work ends within the limit. It runs in a thread of its own; when it hangs, that
/// thread goes on until the process ends.
bool abort_in_time(ncclComm_t comm) {
  std::promise<void> promise;
  auto done = promise.get_future();
  int device = 0;
  cudaGetDevice(&device);
  std::thread([comm, device, told = std::move(promise)]() mutable {
    cudaSetDevice(device);
    ncclCommAbort(comm);
    told.set_value();
  }).detach();
  return done.wait_for(std::chrono::duration<double>(kAbortLimit_s)) == std::future_status::ready;
}

}  // namespace

struct NcclCommunicator::Handle {
  ncclComm_t comm = nullptr;
};

NcclCommunicator::NcclCommunicator(World& world, double timeout_s)
    : world_(world), timeout_s_(timeout_s), handle_(std::make_unique<Handle>()) {
  ncclUniqueId id{};
  ncclResult_t result = ncclSuccess;
  if (world.is_root()) result = ncclGetUniqueId(&id);
  // A rank that fails tells the others over MPI: they would wait for it inside NCCL.
  if (const auto failure = world.share_failure(
          is_failure(result) ? ExitCode::io_error : ExitCode::success,
          concat("NCCL gives no id for its communicator: ", text_of(result, nullptr)))) {
    throw_alike(failure);
  }
  const auto bytes = world.broadcast_value(std::bit_cast<Id>(id));
  initialise(bytes.data());
}

/// The ranks ask NCCL and tell each other in turns, until all are done or one has failed.
void NcclCommunicator::initialise(const std::byte* id_bytes) {
  ncclUniqueId id{};
  std::memcpy(&id, id_bytes, sizeof id);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const Stopwatch watch;
  ncclResult_t state =
      ncclCommInitRankConfig(&handle_->comm, world_.size(), id, world_.rank(), &config);
  std::string problem;
  for (bool all_ready = false; !all_ready;) {
    if (state == ncclInProgress) state = state_of(handle_->comm);
    if (is_failure(state)) {
      problem = concat("NCCL cannot start: ", text_of(state, handle_->comm));
    } else if (state == ncclInProgress && watch.seconds() > timeout_s_) {
      problem = concat("NCCL has not started within ", fixed(timeout_s_, 1),
                       " s (comm.timeout_s): a rank is missing, or the network between the nodes "
                       "is not the one that NCCL takes (see NCCL_SOCKET_IFNAME, NCCL_DEBUG=INFO)");
    }
    const auto code = problem.empty()     ? ExitCode::success
                      : is_failure(state) ? ExitCode::io_error
                                          : ExitCode::timeout;
    if (const auto failure = world_.share_failure(code, problem)) {
      if (handle_->comm != nullptr) abort_in_time(handle_->comm);
      throw_alike(failure);
    }
    all_ready = world_.all_agree(state == ncclSuccess);
    if (!all_ready) std::this_thread::sleep_for(kStartPoll);
  }
}

NcclCommunicator::~NcclCommunicator() {
  if (std::uncaught_exceptions() > 0) return;
  const Stopwatch watch;
  ncclResult_t state = ncclCommFinalize(handle_->comm);
  while (state == ncclInProgress && watch.seconds() < std::min(timeout_s_, kAbortLimit_s)) {
    world_.make_progress();
    std::this_thread::yield();
    state = state_of(handle_->comm);
  }
  if (state == ncclSuccess) ncclCommDestroy(handle_->comm);
}

void NcclCommunicator::sum(float* values, std::int64_t count) {
  const std::string operation = concat("all-reduce of ", count, " values");
  world_.stamp("NCCL all-reduce", count * static_cast<std::int64_t>(sizeof(float)));
  const ncclResult_t queued = ncclAllReduce(values, values, static_cast<std::size_t>(count),
                                            ncclFloat, ncclSum, handle_->comm, kStream);
  if (is_failure(queued)) give_up(concat(operation, ": ", text_of(queued, handle_->comm)));
  wait_for_stream(operation);
  world_.stamp("work after the NCCL all-reduce", 0);
}

/// The work is in the stream only when the communicator is no longer in progress; asked earlier, an
/// empty stream would look like work that is done.
void NcclCommunicator::wait_for_stream(const std::string& operation) {
  const Stopwatch watch;
  bool is_queued = false;
  for (int spins = 0;; ++spins) {
    // The stream first: an error that comes before its work ends is there when the state is asked.
    const cudaError_t stream = is_queued ? cudaStreamQuery(kStream) : cudaErrorNotReady;
    const ncclResult_t state = state_of(handle_->comm);
    if (is_failure(state)) give_up(concat(operation, ": ", text_of(state, handle_->comm)));
    if (is_queued) {
      if (stream == cudaSuccess) return;
      if (stream != cudaErrorNotReady) {
        give_up(concat(operation, ": CUDA reports: ", cudaGetErrorString(stream)));
      }
    }
    is_queued = is_queued || state == ncclSuccess;
    if (watch.seconds() > timeout_s_) {
      give_up(concat(operation, ": has not ended within ", fixed(timeout_s_, 1),
                     " s (comm.timeout_s): a peer died or hangs"));
    }
    world_.make_progress();
    if (spins < kSpinsBeforeSleep) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kPoll);
    }
  }
}

void NcclCommunicator::give_up(const std::string& reason) {
  world_.stamp("abort of NCCL", 0);
  const std::string message = concat("NCCL failed on rank ", world_.rank(), " of ", world_.size(),
                                     " (", world_.node_name(), ") in ", reason);
  if (abort_in_time(handle_->comm)) throw SystemError(message, ExitCode::timeout);
  const std::string line =
      concat("error: ", message, "; its abort hangs too, so the process ends here\n");
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(static_cast<int>(ExitCode::timeout));
}

}  // namespace enas::comm
