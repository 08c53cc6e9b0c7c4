// SPDX-License-Identifier: Apache-2.0
// A communicator over POSIX shared memory. As the real one that does not block, it answers
// ncclInProgress first, and an all-reduce reaches the stream only after the caller has asked for
// the communicator's state.
#include <fcntl.h>
#include <nccl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "stand_in.hpp"

namespace {

constexpr int kMaxRanks = 16;
constexpr std::size_t kChunk = 4096;  // values
constexpr int kPollsBeforeQueued = 3;

/// Shared by the ranks; zero at first.
struct Board {
  std::atomic<std::uint64_t> arrivals;
  char pci_ids[kMaxRanks][16];
  float values[kMaxRanks][kChunk];
};

struct Fault {
  int rank = -1;
  int call = 0;
  char kind[8] = "";
  bool hits(int at_rank, int at_call, const char* what) const {
    return rank == at_rank && call == at_call && std::strcmp(kind, what) == 0;
  }
};

Fault fault() {
  Fault fault;
  std::sscanf(stand_in::setting("ENAS_STAND_IN_FAULT").c_str(), "%d:%d:%7s", &fault.rank,
              &fault.call, fault.kind);
  return fault;
}

[[noreturn]] void sleep_for_ever() {
  while (true) pause();
}

}  // namespace

struct ncclComm {
  int rank = 0;
  int size = 0;
  Board* board = nullptr;
  std::string pci_id;
  std::atomic<ncclResult_t> state{ncclInProgress};
  std::atomic<bool> aborted{false};
  int calls = 0;
  std::function<void()> unqueued;  ///< an all-reduce that has not reached the stream
  int polls = 0;

  /// False when the communicator was aborted before all ranks were there.
  bool meet() {
    const auto all = static_cast<std::uint64_t>(size);
    const std::uint64_t goal = (board->arrivals.fetch_add(1) / all + 1) * all;
    while (board->arrivals < goal) {
      if (aborted) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(5));
    }
    return true;
  }

  void start(const std::string& name) {
    if (fault().hits(rank, 0, "start")) {
      state = ncclSystemError;
      return;
    }
    std::copy_n(pci_id.c_str(), pci_id.size() + 1, board->pci_ids[rank]);
    if (!meet()) return;
    shm_unlink(name.c_str());
    const auto have_same = [&](int other) {
      return other != rank && board->pci_ids[other] == pci_id;
    };
    ncclResult_t result = ncclSuccess;
    for (int other = 0; other < size; ++other) {
      if (have_same(other)) result = ncclInvalidUsage;
    }
    state = result;
  }

  /// Sums each chunk from another rank on, as a ring does: not in the order of ranks.
  void sum(float* values, std::size_t count) {
    for (std::size_t begin = 0, chunk = 0; begin < count; begin += kChunk, ++chunk) {
      const std::size_t length = std::min(kChunk, count - begin);
      std::copy_n(values + begin, length, board->values[rank]);
      if (!meet()) return;
      for (std::size_t i = 0; i < length; ++i) {
        const auto first = (chunk + 1) % static_cast<std::size_t>(size);
        float sum = board->values[first][i];
        for (std::size_t r = 1; r < static_cast<std::size_t>(size); ++r) {
          sum += board->values[(first + r) % static_cast<std::size_t>(size)][i];
        }
        values[begin + i] = sum;
      }
      if (!meet()) return;
    }
  }
};

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  const std::string other = stand_in::setting("ENAS_STAND_IN_NCCL_VERSION");
  *version = other.empty() ? NCCL_VERSION_CODE : std::stoi(other);
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSystemError:
      return "unhandled system error";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInvalidUsage:
      return "invalid usage";
    default:
      return "stand-in error";
  }
}

const char* ncclGetLastError(ncclComm_t comm) {
  return comm != nullptr && comm->state == ncclInvalidUsage ? "Duplicate GPU detected" : "";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::random_device random;
  std::snprintf(id->internal, sizeof id->internal, "/enas-stand-in-%d-%08x", getpid(), random());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  if (config->blocking != 0 || size > kMaxRanks) return ncclInvalidArgument;
  const std::string name = id.internal;
  const int file = shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
  if (file < 0 || ftruncate(file, sizeof(Board)) != 0) return ncclSystemError;
  void* const memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return ncclSystemError;
  auto* const made = new ncclComm;
  made->rank = rank;
  made->size = size;
  made->board = static_cast<Board*>(memory);
  made->pci_id = stand_in::pci_id();
  std::thread([made, name] { made->start(name); }).detach();
  *comm = made;
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  if (comm->unqueued) {
    *state = ncclInProgress;
    if (++comm->polls == kPollsBeforeQueued) {
      stand_in::queue_on_stream(std::exchange(comm->unqueued, nullptr));
    }
    return ncclSuccess;
  }
  *state = comm->state;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  if (from != to || type != ncclFloat || operation != ncclSum || stream != nullptr) {
    return ncclInvalidArgument;
  }
  auto* const values = static_cast<float*>(stand_in::hidden(to, count * sizeof(float)));
  const int call = ++comm->calls;
  comm->polls = 0;
  comm->unqueued = [comm, values, count, call] {
    if (fault().hits(comm->rank, call, "error")) {
      comm->state = ncclRemoteError;
    } else if (fault().hits(comm->rank, call, "hang")) {
      while (!comm->aborted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else {
      comm->sum(values, count);
    }
  };
  return ncclInProgress;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (stand_in::setting("ENAS_STAND_IN_ABORT") == "hang") sleep_for_ever();
  comm->aborted = true;
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  munmap(comm->board, sizeof(Board));
  delete comm;
  return ncclSuccess;
}

}  // extern "C"
