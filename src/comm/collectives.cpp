// SPDX-License-Identifier: Apache-2.0
// The collectives of World. Data of more bytes than a message may have go in several messages.
#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

#include "comm/exchange.hpp"
#include "comm/mpi_operation.hpp"

namespace enas::comm {
namespace {

constexpr int kPiecesTag = 1;

/// Where each piece begins when pieces of these sizes lie one behind the other, and where all end.
std::vector<std::int64_t> offsets_of(std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> begin(sizes.size() + 1, 0);
  std::partial_sum(sizes.begin(), sizes.end(), begin.begin() + 1);
  return begin;
}

}  // namespace

void World::barrier() {
  const Operation operation(*this, "barrier", 0);
  check(MPI_Barrier(communicator_->handle), "barrier");
}

void World::quiet_barrier() {
  const Operation operation(*this, "barrier", 0);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibarrier(communicator_->handle, &request), "barrier");
  for (int done = 0;;) {
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "barrier");
    if (done) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void World::broadcast_from(int root, std::span<std::byte> bytes) {
  const Operation operation(*this, "broadcast", bytes.size());
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), message_limit_));
    check(MPI_Bcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root,
                    communicator_->handle),
          "broadcast");
    bytes = bytes.subspan(part.size());
  }
}

void World::broadcast(std::span<std::byte> bytes) { broadcast_from(0, bytes); }

std::string World::broadcast_text_from(int root, const std::string& text) {
  std::uint64_t length = text.size();
  broadcast_from(root, std::as_writable_bytes(std::span(&length, 1)));
  std::string result = rank_ == root ? text : std::string(length, '\0');
  broadcast_from(root, std::as_writable_bytes(std::span(result)));
  return result;
}

std::string World::broadcast_text(const std::string& text) { return broadcast_text_from(0, text); }

// Before the call rank r holds all[begin[r], begin[r+1]), after it all of `all`. Offsets in bytes.
void World::gather_pieces(std::span<std::byte> all, std::span<const std::int64_t> begin) {
  if (all.size() > message_limit_) {
    for (int rank = 0; rank < size_; ++rank) {
      broadcast_from(rank, all.subspan(begin[rank], begin[rank + 1] - begin[rank]));
    }
    return;
  }
  const Operation operation(*this, "all-gather", all.size());
  std::vector<int> counts(size_), offsets(size_);
  for (int rank = 0; rank < size_; ++rank) {
    counts[rank] = static_cast<int>(begin[rank + 1] - begin[rank]);
    offsets[rank] = static_cast<int>(begin[rank]);
  }
  check(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), counts.data(),
                       offsets.data(), MPI_BYTE, communicator_->handle),
        "all-gather");
}

void World::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  expect(all.size() == mine.size() * size_, "all_gather needs room for one piece a rank");
  std::copy(mine.begin(), mine.end(), all.begin() + mine.size() * rank_);
  const std::vector<std::int64_t> sizes(size_, static_cast<std::int64_t>(mine.size()));
  gather_pieces(all, offsets_of(sizes));
}

void World::all_gather_segments(std::span<float> all, std::span<const std::int64_t> begin) {
  expect(begin.size() == static_cast<std::size_t>(size_) + 1 && begin.front() == 0 &&
             begin.back() == static_cast<std::int64_t>(all.size()),
         "all_gather_segments needs one segment a rank that together cover the buffer");
  std::vector<std::int64_t> begin_byte(begin.begin(), begin.end());
  for (auto& offset : begin_byte) offset *= sizeof(float);
  gather_pieces(std::as_writable_bytes(all), begin_byte);
}

std::vector<std::vector<std::byte>> World::all_gather_varied(std::span<const std::byte> mine) {
  const auto sizes = all_gather_value(static_cast<std::int64_t>(mine.size()));
  const auto begin = offsets_of(sizes);
  std::vector<std::byte> all(begin.back());
  std::copy(mine.begin(), mine.end(), all.begin() + begin[rank_]);
  gather_pieces(all, begin);
  std::vector<std::vector<std::byte>> pieces(size_);
  for (int rank = 0; rank < size_; ++rank) {
    pieces[rank].assign(all.begin() + begin[rank], all.begin() + begin[rank + 1]);
  }
  return pieces;
}

std::vector<std::vector<std::byte>> World::gather_varied(std::span<const std::byte> mine) {
  const std::int64_t my_size = static_cast<std::int64_t>(mine.size());
  std::vector<std::int64_t> sizes(is_root() ? size_ : 0);
  {
    const Operation operation(*this, "gather of sizes", sizeof my_size);
    check(MPI_Gather(&my_size, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, 0,
                     communicator_->handle),
          "gather of sizes");
  }
  Exchange exchange(*this);
  std::vector<std::vector<std::byte>> pieces(sizes.size());
  if (is_root()) pieces[0].assign(mine.begin(), mine.end());
  for (int rank = 1; rank < static_cast<int>(pieces.size()); ++rank) {
    pieces[rank].resize(sizes[rank]);
    exchange.receive(std::span(pieces[rank]), rank, kPiecesTag);
  }
  if (!is_root()) exchange.send(mine, 0, kPiecesTag);
  exchange.wait();
  return pieces;
}

std::vector<std::byte> World::scatter_varied(const std::vector<std::vector<std::byte>>& pieces) {
  expect(pieces.size() == (is_root() ? static_cast<std::size_t>(size_) : 0),
         "scatter_varied needs one piece a rank on rank 0 and none elsewhere");
  std::vector<std::int64_t> sizes;
  for (const auto& piece : pieces) sizes.push_back(static_cast<std::int64_t>(piece.size()));
  std::int64_t my_size = 0;
  {
    const Operation operation(*this, "scatter of sizes", sizeof my_size);
    check(MPI_Scatter(sizes.data(), 1, MPI_INT64_T, &my_size, 1, MPI_INT64_T, 0,
                      communicator_->handle),
          "scatter of sizes");
  }
  Exchange exchange(*this);
  for (int rank = 1; rank < static_cast<int>(pieces.size()); ++rank) {
    exchange.send(std::span(pieces[rank]), rank, kPiecesTag);
  }
  std::vector<std::byte> mine(my_size);
  if (is_root()) {
    mine = pieces[0];
  } else {
    exchange.receive(std::span(mine), 0, kPiecesTag);
  }
  exchange.wait();
  return mine;
}

bool World::all_agree(bool mine) {
  const Operation operation(*this, "agreement", sizeof(int));
  int all = mine ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, communicator_->handle), "agreement");
  return all == 1;
}

World::SharedFailure World::share_failure(ExitCode mine, const std::string& message) {
  const auto codes = all_gather_value(mine);
  const auto first = std::find_if(codes.begin(), codes.end(),
                                  [](ExitCode code) { return code != ExitCode::success; });
  if (first == codes.end()) return {};
  const int rank = static_cast<int>(first - codes.begin());
  return {rank, *first, broadcast_text_from(rank, message)};
}

}  // namespace enas::comm
