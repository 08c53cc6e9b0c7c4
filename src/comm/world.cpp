// SPDX-License-Identifier: Apache-2.0
// The only file that calls MPI.
#include "comm/world.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <numeric>
#include <thread>

#include "comm/watchdog.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

constexpr int kPiecesTag = 1;
constexpr int kSpinsBeforeYield = 2000;

std::vector<std::int64_t> offsets_of(std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> begin(sizes.size() + 1, 0);
  std::partial_sum(sizes.begin(), sizes.end(), begin.begin() + 1);
  return begin;
}

}  // namespace

struct World::Communicator {
  MPI_Comm handle = MPI_COMM_WORLD;
  bool is_part = false;
};

/// Communication of all ranks, for as long as it lasts: the watchdog, when there is one, sees it.
class World::Operation {
 public:
  Operation(const World& world, const char* name, std::size_t bytes)
      : watchdog_(world.watchdog_.get()) {
    world.require_all_ranks(name);
    if (watchdog_) watchdog_->begin(name, static_cast<std::int64_t>(bytes));
  }
  ~Operation() {
    if (watchdog_) watchdog_->end();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  Watchdog* watchdog_;
};

World::LocalWork::LocalWork(World& world) : world_(world) { ++world_.local_works_; }
World::LocalWork::~LocalWork() { --world_.local_works_; }

void World::require_all_ranks(std::string_view operation) const {
  if (local_works_ == 0) return;
  throw ContractError(concat(operation, " inside work of one rank: the others may have failed"));
}

World::World(int* argc, char*** argv) : communicator_(std::make_unique<Communicator>()) {
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "initialisation");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "setting the error handler");
  if (provided < MPI_THREAD_FUNNELED) {
    throw SystemError(concat("MPI gives thread level ", provided, ", but MPI_THREAD_FUNNELED (",
                             MPI_THREAD_FUNNELED, ") is needed: use an MPI built with threads"));
  }
  read_communicator();
}

World::World(World& whole, int num_ranks) : communicator_(std::make_unique<Communicator>()) {
  expect(num_ranks >= 1 && num_ranks <= whole.size_, "a part has some of the whole's ranks");
  communicator_->is_part = true;
  whole.require_all_ranks("taking a part of the ranks");
  whole.check(
      MPI_Comm_split(whole.communicator_->handle, whole.rank_ < num_ranks ? 0 : MPI_UNDEFINED,
                     whole.rank_, &communicator_->handle),
      "taking a part of the ranks");
  message_limit_ = whole.message_limit_;
  if (communicator_->handle != MPI_COMM_NULL) read_communicator();
}

void World::read_communicator() {
  const MPI_Comm handle = communicator_->handle;
  check(MPI_Comm_rank(handle, &rank_), "asking for the rank");
  check(MPI_Comm_size(handle, &size_), "asking for the number of ranks");

  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(handle, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
        "finding the ranks of this node");
  check(MPI_Comm_rank(node, &local_rank_), "asking for the rank in the node");
  check(MPI_Comm_free(&node), "freeing a communicator");

  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  check(MPI_Get_processor_name(name.data(), &length), "asking for the node's name");
  node_name_.assign(name.data(), static_cast<std::size_t>(length));
}

World::~World() {
  // Peers may sit in a collective that this rank will never enter; finalizing would wait for them
  // for ever and swallow the message. main aborts instead.
  if (std::uncaught_exceptions() > 0) return;
  if (communicator_->is_part) {
    if (communicator_->handle != MPI_COMM_NULL) MPI_Comm_free(&communicator_->handle);
    return;
  }
  {
    const Operation operation(*this, "last barrier", 0);
    if (MPI_Barrier(MPI_COMM_WORLD) != MPI_SUCCESS) abort(ExitCode::io_error);
  }
  watchdog_.reset();
  MPI_Finalize();
}

void World::start_watchdog(double timeout_s, const std::string& report_folder) {
  watchdog_ = std::make_unique<Watchdog>(rank_, timeout_s, report_folder);
}

void World::stop_watchdog() { watchdog_.reset(); }

void World::note_progress(std::string_view activity, std::int64_t step) {
  if (watchdog_) watchdog_->note(activity, step);
}

void World::stamp(std::string_view operation, std::int64_t bytes) {
  if (watchdog_) watchdog_->begin(operation, bytes);
}

void World::make_progress() {
  int flag = 0;
  check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator_->handle, &flag, MPI_STATUS_IGNORE),
        "looking for messages");
}

void World::check(int mpi_result, const char* operation) const {
  if (mpi_result == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(mpi_result, text.data(), &length);
  throw SystemError(concat("MPI failed on rank ", rank_, " of ", size_, " (", node_name_, ") in ",
                           operation, ": ", text.data(), " (code ", mpi_result, ")"));
}

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

// Every rank holds all[begin[r], begin[r+1]) of its own r; afterwards all of it. Offsets in bytes.
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

void World::abort(ExitCode code) {
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));
}

struct World::Exchange::Requests {
  std::vector<MPI_Request> pending;
  std::size_t bytes = 0;
};

World::Exchange::Exchange(World& world) : world_(world), requests_(std::make_unique<Requests>()) {}

// Requests are only left over when an exception unwinds, and then the job is aborted.
World::Exchange::~Exchange() = default;

void World::Exchange::send(std::span<const std::byte> bytes, int to, int tag) {
  requests_->bytes += bytes.size();
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), world_.message_limit_));
    world_.check(MPI_Isend(part.data(), static_cast<int>(part.size()), MPI_BYTE, to, tag,
                           world_.communicator_->handle, &requests_->pending.emplace_back()),
                 "send");
    bytes = bytes.subspan(part.size());
  }
}

void World::Exchange::receive(std::span<std::byte> bytes, int from, int tag) {
  requests_->bytes += bytes.size();
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), world_.message_limit_));
    world_.check(MPI_Irecv(part.data(), static_cast<int>(part.size()), MPI_BYTE, from, tag,
                           world_.communicator_->handle, &requests_->pending.emplace_back()),
                 "receive");
    bytes = bytes.subspan(part.size());
  }
}

void World::Exchange::wait() {
  const Operation operation(world_, "exchange", requests_->bytes);
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
    if (tries >= kSpinsBeforeYield) {
      tries = kSpinsBeforeYield;
      std::this_thread::yield();
    }
  }
  pending.clear();
  requests_->bytes = 0;
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  // Some libraries append pages about their build.
  std::istringstream first_line(std::string(text.data(), std::strcspn(text.data(), ",\n")));
  std::vector<std::string> words;
  for (std::string word; first_line >> word;) words.push_back(word);
  return join(words, " ");
}

}  // namespace enas::comm
