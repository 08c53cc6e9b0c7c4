// SPDX-License-Identifier: Apache-2.0
// MPI from its start to its end, and parts of the world. See also collectives.cpp and exchange.cpp.
#include "comm/world.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sstream>

#include "comm/mpi_operation.hpp"
#include "core/text.hpp"

namespace enas::comm {

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
  // Other ranks may wait in a collective that this rank will never enter, and MPI_Finalize would
  // wait for them for ever. main calls abort() instead.
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

void World::abort(ExitCode code) {
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  // Some libraries go on with pages about how they were built.
  std::istringstream first_line(std::string(text.data(), std::strcspn(text.data(), ",\n")));
  std::vector<std::string> words;
  for (std::string word; first_line >> word;) words.push_back(word);
  return join(words, " ");
}

}  // namespace enas::comm
