// SPDX-License-Identifier: Apache-2.0
// The sum over MPI: the contract, and what it alone promises.
#include "comm/mpi_reducer.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "mpi/comm/reducer_contract.hpp"

namespace enas::comm {
namespace {

INSTANTIATE_TEST_SUITE_P(Mpi, ReducerContract,
                         testing::Values(Kind{"tree", Order::tree,
                                              [](World& world, int num_slots) {
                                                return std::make_unique<MpiReducer>(world,
                                                                                    num_slots);
                                              }}),
                         [](const auto& test) { return test.param.name; });

TEST(MpiReducer, MoreRanksThanSlotsIsAnErrorThatNamesBoth) {
  World& world = test_world();
  const int num_slots = world.size() - 1;
  try {
    MpiReducer reducer(world, num_slots);
    ADD_FAILURE() << "was accepted";
  } catch (const ConfigError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(concat("there are ", num_slots, " slots")), std::string::npos)
        << message;
    EXPECT_NE(message.find(concat(world.size(), " ranks")), std::string::npos) << message;
  }
}

TEST(MpiReducer, SendsPresentRangesOnly) {
  // One slot a rank. Tensor 0 is everybody's, tensor 1 slot 0's alone. P divides 1200.
  World& world = test_world();
  const int num_ranks = world.size();
  Step step = draw_step(num_ranks, {1200, 1200}, 1, 1.0);
  step.plan.tensors[1].slots = {0};
  MpiReducer reducer(world, num_ranks);
  reducer.begin(step.plan);
  std::copy(step.gradients[world.rank()].begin(), step.gradients[world.rank()].end(),
            reducer.slot_buffer().begin());
  reducer.merge_slot(world.rank());
  reducer.reduce();

  const std::int64_t segment = 2400 / num_ranks;
  const auto present = [&](std::int64_t begin) {  // of the segment that begins there
    const std::int64_t of_first = std::clamp<std::int64_t>(1200 - begin, 0, segment);
    return world.rank() == 0 ? segment : of_first;
  };
  std::int64_t values = segment * (num_ranks - 1);  // own segment's result to all others
  for (int rank = 0; rank < num_ranks; ++rank) {
    if (rank != world.rank()) values += present(segment * rank);
  }
  EXPECT_EQ(reducer.last_cost().bytes_sent, 4 * values);
  EXPECT_GE(reducer.last_cost().seconds, 0);
}

TEST(MpiReducer, SplitMessagesGiveTheSameSum) {
  World& world = test_world();
  const Step step = draw_step(7, kMixedLengths, 9, 0.5);
  MpiReducer reducer(world, 7);
  world.set_message_limit(100);
  reducer.begin(step.plan);
  const Block own = block_of(world.rank(), world.size(), 7);
  for (int slot = own.begin; slot < own.end; ++slot) {
    std::copy(step.gradients[slot].begin(), step.gradients[slot].end(),
              reducer.slot_buffer().begin());
    reducer.merge_slot(slot);
  }
  const auto sum = reducer.reduce();
  world.set_message_limit(std::size_t{1} << 30);
  EXPECT_EQ(num_different_bits(sum, expected_sum(step)), 0U);
}

}  // namespace
}  // namespace enas::comm
