// SPDX-License-Identifier: Apache-2.0
#include "comm/exchange.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "comm/mpi_operation.hpp"

namespace enas::comm {
namespace {

constexpr int kTriesBeforeYield = 2000;

}  // namespace

struct Exchange::Requests {
  std::vector<MPI_Request> pending;
  std::size_t bytes = 0;
};

Exchange::Exchange(World& world) : world_(world), requests_(std::make_unique<Requests>()) {}

// Requests are left over only when an exception was thrown, and then main ends the job.
Exchange::~Exchange() = default;

void Exchange::send(std::span<const std::byte> bytes, int to, int tag) {
  requests_->bytes += bytes.size();
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), world_.message_limit_));
    world_.check(MPI_Isend(part.data(), static_cast<int>(part.size()), MPI_BYTE, to, tag,
                           world_.communicator_->handle, &requests_->pending.emplace_back()),
                 "send");
    bytes = bytes.subspan(part.size());
  }
}

void Exchange::receive(std::span<std::byte> bytes, int from, int tag) {
  requests_->bytes += bytes.size();
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), world_.message_limit_));
    world_.check(MPI_Irecv(part.data(), static_cast<int>(part.size()), MPI_BYTE, from, tag,
                           world_.communicator_->handle, &requests_->pending.emplace_back()),
                 "receive");
    bytes = bytes.subspan(part.size());
  }
}

void Exchange::wait() {
  const World::Operation operation(world_, "exchange", requests_->bytes);
  auto& pending = requests_->pending;
  std::vector<MPI_Status> statuses(pending.size());
  int done = 0;
  for (int tries = 0; !done; ++tries) {
    int result =
        MPI_Testall(static_cast<int>(pending.size()), pending.data(), &done, statuses.data());
    if (result == MPI_ERR_IN_STATUS) {
      for (const auto& status : statuses) {
        if (status.MPI_ERROR != MPI_SUCCESS && status.MPI_ERROR != MPI_ERR_PENDING) {
          result = status.MPI_ERROR;
        }
      }
    }
    world_.check(result, "exchange");
    if (tries >= kTriesBeforeYield) {
      tries = kTriesBeforeYield;
      std::this_thread::yield();
    }
  }
  pending.clear();
  requests_->bytes = 0;
}

}  // namespace enas::comm
