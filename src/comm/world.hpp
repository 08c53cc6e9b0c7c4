// SPDX-License-Identifier: Apache-2.0
// The ranks of the program: start and end of MPI, and collectives on bytes and plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/error.hpp"

namespace enas::comm {

class Watchdog;

/// Starts MPI and ends it. The destructor does not end it while an exception is thrown, because
/// other ranks may wait in a collective: main then calls abort(). Every operation is told to the
/// watchdog, where one is running. When MPI fails, SystemError names the operation and the rank.
/// Data above 1 GiB go in several messages.
class World {
 public:
  World(int* argc, char*** argv);
  /// Collective over `whole`, which must outlive it: its first `num_ranks` ranks as a world of
  /// their own, without a watchdog. The other ranks are no members and may only destroy it.
  World(World& whole, int num_ranks);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }
  /// False on the ranks that a part of another world leaves out.
  bool is_member() const { return rank_ >= 0; }
  /// Rank within this node, and the node's name.
  int local_rank() const { return local_rank_; }
  const std::string& node_name() const { return node_name_; }

  /// Starts the thread that ends the process with 79 after `timeout_s` seconds without progress,
  /// and stops the one before. Its file hang-rank<r>.json goes to `report_folder`.
  void start_watchdog(double timeout_s, const std::string& report_folder);
  void stop_watchdog();
  /// Tells the watchdog what is being done; call it in long work without communication.
  void note_progress(std::string_view activity, std::int64_t step);
  /// Tells the watchdog that an operation of another library starts. The next operation that it is
  /// told of ends this one.
  void stamp(std::string_view operation, std::int64_t bytes);
  /// Gives MPI time to deliver messages that other ranks wait for, while this rank waits for
  /// something else.
  void make_progress();

  /// While one lives, its rank works alone: a collective of this world throws ContractError instead
  /// of waiting for ranks that may have failed.
  class LocalWork {
   public:
    explicit LocalWork(World& world);
    ~LocalWork();
    LocalWork(const LocalWork&) = delete;
    LocalWork& operator=(const LocalWork&) = delete;

   private:
    World& world_;
  };
  /// Throws ContractError during LocalWork. Every collective of this class calls it. Collective
  /// functions elsewhere call it too, so that a wrong call is found even where they happen not to
  /// communicate.
  void require_all_ranks(std::string_view operation) const;

  /// Collective.
  void barrier();
  /// Collective. A barrier in which those who wait sleep and leave their cores to the others.
  void quiet_barrier();
  /// Collective. Bytes of rank 0 to all.
  void broadcast(std::span<std::byte> bytes);
  /// Collective. Text of rank 0 to all; lengths need not agree beforehand.
  std::string broadcast_text(const std::string& text);
  /// Collective. One trivially copyable value of rank 0 to all.
  template <typename T>
  T broadcast_value(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    broadcast(std::as_writable_bytes(std::span<T>(&value, 1)));
    return value;
  }
  /// Collective. The same number of bytes from each rank, in rank order, on every rank.
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all);
  /// Collective. One trivially copyable value of each rank, in rank order, on every rank.
  template <typename T>
  std::vector<T> all_gather_value(const T& mine) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(static_cast<std::size_t>(size_));
    all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
    return all;
  }
  /// Collective. Any number of bytes from each rank, in rank order, on every rank.
  std::vector<std::vector<std::byte>> all_gather_varied(std::span<const std::byte> mine);
  /// Collective. As above on rank 0; empty elsewhere.
  std::vector<std::vector<std::byte>> gather_varied(std::span<const std::byte> mine);
  /// Collective. From rank 0: `pieces[r]` goes to rank r. Other ranks pass an empty list.
  std::vector<std::byte> scatter_varied(const std::vector<std::vector<std::byte>>& pieces);
  /// Collective. True when every rank says true.
  bool all_agree(bool mine);
  /// A rank's failure; false as a condition when no rank failed.
  struct SharedFailure {
    int rank = -1;
    ExitCode code = ExitCode::success;
    std::string message;
    explicit operator bool() const { return rank >= 0; }
  };
  /// Collective. The failure of the lowest rank that has one. Call it before the next collective
  /// when a rank may have failed, or the other ranks wait for ever.
  SharedFailure share_failure(ExitCode mine, const std::string& message);

  /// Collective. Every rank owns all[begin[r], begin[r+1]); afterwards all ranks hold all of it.
  void all_gather_segments(std::span<float> all, std::span<const std::int64_t> begin);

  /// Largest single message, 1 GiB at first. The same on every rank; tests make it small.
  void set_message_limit(std::size_t bytes) { message_limit_ = bytes; }

  /// Ends the whole job with this code. Does not return.
  [[noreturn]] void abort(ExitCode code);

 private:
  friend class Exchange;
  struct Communicator;
  class Operation;

  void read_communicator();
  void check(int mpi_result, const char* operation) const;
  void broadcast_from(int root, std::span<std::byte> bytes);
  std::string broadcast_text_from(int root, const std::string& text);
  void gather_pieces(std::span<std::byte> all, std::span<const std::int64_t> begin);

  std::unique_ptr<Communicator> communicator_;
  int rank_ = -1;
  int size_ = 0;
  int local_rank_ = 0;
  std::string node_name_;
  std::size_t message_limit_ = std::size_t{1} << 30;
  std::unique_ptr<Watchdog> watchdog_;
  int local_works_ = 0;  ///< number of LocalWork objects that exist
};

/// MPI library's name and version, one line.
std::string mpi_library_version();

}  // namespace enas::comm
