// SPDX-License-Identifier: Apache-2.0
// Work of one rank alone must not communicate, and a world looks for its own messages only.
#include <gtest/gtest.h>
#include <mpi.h>

#include "comm/exchange.hpp"
#include "support/mpi_main.hpp"

namespace {

/// Ranks of the communicator that was probed last.
int probed_size = 0;

}  // namespace

/// MPI's profiling interface: this definition is called in the place of the library's.
extern "C" int MPI_Iprobe(int source, int tag, MPI_Comm communicator, int* flag,
                          MPI_Status* status) {
  MPI_Comm_size(communicator, &probed_size);
  return PMPI_Iprobe(source, tag, communicator, flag, status);
}

namespace enas::comm {
namespace {

TEST(MakeProgress, ProbesTheCommunicatorThatItBelongsTo) {
  World& world = test_world();
  for (int count = 1; count <= world.size(); ++count) {
    World part(world, count);
    if (part.is_member()) {
      part.make_progress();
      EXPECT_EQ(probed_size, count);
    }
    world.make_progress();
    EXPECT_EQ(probed_size, world.size());
    world.quiet_barrier();
  }
}

TEST(LocalWork, EveryCollectiveIsRefused) {
  World& world = test_world();
  {
    const World::LocalWork local(world);
    std::byte byte{};
    EXPECT_THROW(world.barrier(), ContractError);
    EXPECT_THROW(world.quiet_barrier(), ContractError);
    EXPECT_THROW(world.broadcast(std::span(&byte, 1)), ContractError);
    EXPECT_THROW(world.broadcast_text("text"), ContractError);
    EXPECT_THROW(world.all_gather_value(1), ContractError);
    EXPECT_THROW(world.all_gather_varied({}), ContractError);
    EXPECT_THROW(world.gather_varied({}), ContractError);
    EXPECT_THROW(world.scatter_varied(std::vector<std::vector<std::byte>>(
                     static_cast<std::size_t>(world.is_root() ? world.size() : 0))),
                 ContractError);
    EXPECT_THROW(world.all_agree(true), ContractError);
    EXPECT_THROW(world.share_failure(ExitCode::success, ""), ContractError);
    EXPECT_THROW(World(world, 1), ContractError);
    EXPECT_THROW(Exchange(world).wait(), ContractError);
    EXPECT_THROW(world.require_all_ranks("a test"), ContractError);
    world.note_progress("work", 1);
  }
  EXPECT_TRUE(world.all_agree(true));
}

TEST(LocalWork, IsOfOneWorldAlone) {
  World& world = test_world();
  World part(world, world.size());
  const World::LocalWork local(part);
  EXPECT_THROW(part.barrier(), ContractError);
  world.barrier();
}

}  // namespace
}  // namespace enas::comm
