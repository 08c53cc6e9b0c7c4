// SPDX-License-Identifier: Apache-2.0
// The sum over NCCL, on the stand-in: the contract, and what it alone promises.
#include "comm/nccl_reducer.hpp"

#include "comm/device.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "mpi/comm/reducer_contract.hpp"

namespace enas::comm {
namespace {

constexpr double kTimeout_s = 30.0;

std::unique_ptr<GradientReducer> make_reducer(World& world, int num_slots) {
  bind_device(world);
  return make_nccl_reducer(world, num_slots, kTimeout_s);
}

INSTANTIATE_TEST_SUITE_P(Nccl, ReducerContract,
                         testing::Values(Kind{"any_order", Order::any, make_reducer}),
                         [](const auto& test) { return test.param.name; });

std::vector<float> sum_of(GradientReducer& reducer, const Step& step) {
  World& world = test_world();
  reducer.begin(step.plan);
  const Block own = block_of(world.rank(), world.size(), step.plan.num_slots);
  for (int slot = own.begin; slot < own.end; ++slot) {
    std::copy(step.gradients[slot].begin(), step.gradients[slot].end(),
              reducer.slot_buffer().begin());
    reducer.merge_slot(slot);
  }
  const auto sum = reducer.reduce();
  return {sum.begin(), sum.end()};
}

TEST(NcclReducer, EveryRankHasTheSameBitsInEveryRun) {
  World& world = test_world();
  const Step step = draw_step(7, {9000, 3, 4100}, 5, 0.6);
  const auto first = sum_of(*make_reducer(world, 7), step);
  const auto second = sum_of(*make_reducer(world, 7), step);
  EXPECT_EQ(num_different_bits(first, second), 0U);
  auto of_root = first;
  world.broadcast(std::as_writable_bytes(std::span(of_root)));
  EXPECT_EQ(num_different_bits(first, of_root), 0U);
}

TEST(NcclReducer, IsNearTheTreeSumWhateverTheOrder) {
  // Both sums of n values are within (n - 1) u Σ|x| of the true one (Higham 2002, 4.2).
  const Step step = draw_step(9, {9000, 3, 4100}, 5, 1.0);
  const auto sum = sum_of(*make_reducer(test_world(), 9), step);
  const auto expected = expected_sum(step);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    double magnitude = 0;
    for (const auto& gradient : step.gradients) magnitude += std::abs(double{gradient[i]});
    EXPECT_NEAR(sum[i], expected[i], 2 * 8 * std::ldexp(1.0, -24) * magnitude) << "value " << i;
  }
}

TEST(NcclReducer, SaysWhatARingSends) {
  const auto reducer = make_reducer(test_world(), 8);
  sum_of(*reducer, draw_step(8, {600, 600}, 1, 1.0));
  const int ranks = test_world().size();
  EXPECT_EQ(reducer->last_cost().bytes_sent, 2 * 4800 * (ranks - 1) / ranks);
}

TEST(NcclReducer, MoreRanksThanSlotsIsAnErrorThatNamesBoth) {
  World& world = test_world();
  try {
    make_nccl_reducer(world, world.size() - 1, kTimeout_s);
    ADD_FAILURE() << "was accepted";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find(concat(world.size(), " ranks")), std::string::npos);
  }
}

TEST(Device, IsTheNodeLocalRankAndIsSaid) {
  EXPECT_GT(survey_devices().count, 0);
  EXPECT_EQ(bind_device(test_world()), test_world().local_rank());
  EXPECT_EQ(nccl_description().find("NCCL 2."), 0U) << nccl_description();
}

}  // namespace
}  // namespace enas::comm
