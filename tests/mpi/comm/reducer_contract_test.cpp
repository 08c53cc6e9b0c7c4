// SPDX-License-Identifier: Apache-2.0
// What every GradientReducer owes: the sum over slots, in the order that it promises.
#include "mpi/comm/reducer_contract.hpp"

#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::comm {
namespace {

TEST_P(ReducerContract, IsTheTreeSumToTheBit) {
  for (const int num_slots : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 37, 64}) {
    if (num_slots < world_.size()) continue;
    const auto reducer = make(num_slots);
    for (const double share : {1.0, 0.6, 0.2, 0.0}) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        expect_tree_sum(*reducer, draw(num_slots, kMixedLengths, seed, share),
                        concat("share ", share, " seed ", seed));
      }
    }
  }
}

TEST_P(ReducerContract, OrderWouldBeSeen) {
  // Guards the test above: on its values a sum from left to right has other bits.
  const Step step = draw_step(8, {1000}, 1, 1.0);
  std::vector<float> running = step.gradients[0];
  for (int slot = 1; slot < 8; ++slot) {
    for (std::size_t i = 0; i < running.size(); ++i) running[i] += step.gradients[slot][i];
  }
  EXPECT_GT(num_different_bits(running, expected_sum(step)), 100U);
}

TEST_P(ReducerContract, PlansMayChangeFromStepToStep) {
  const int num_slots = 8;
  const auto reducer = make(num_slots);
  std::uint64_t seed = 100;
  for (const auto& lengths : std::vector<std::vector<std::int64_t>>{
           {5}, kMixedLengths, {}, {1}, {4000, 1}, {2, 2, 2}, {}, kMixedLengths}) {
    expect_tree_sum(*reducer, draw(num_slots, lengths, ++seed, 0.5), "changing plans");
  }
}

TEST_P(ReducerContract, FewerValuesThanRanks) {
  for (const std::int64_t total : {1, 2, 3}) {
    const auto reducer = make(4);
    expect_tree_sum(*reducer, draw(4, {total}, 7, 1.0), "few values");
  }
}

TEST_P(ReducerContract, NothingToSum) {
  const auto reducer = make(4);
  EXPECT_TRUE(reduce(*reducer, draw(4, {}, 1, 1.0)).empty());
  EXPECT_EQ(reducer->last_cost().bytes_sent, 0);
}

TEST_P(ReducerContract, ATensorOfOneSlotArrivesUnchanged) {
  for (int only = 0; only < 5; ++only) {
    Step step = draw(5, {40, 100, 40}, 3, 1.0);
    step.plan.tensors[1].slots = {only};
    const auto reducer = make(5);
    const auto sum = reduce(*reducer, step);
    EXPECT_EQ(
        num_different_bits(sum.subspan(40, 100), std::span(step.gradients[only]).subspan(40, 100)),
        0U);
  }
}

TEST_P(ReducerContract, AnAbsentSlotIsNotAZero) {
  // -0 + +0 is +0, so a zero added for an absent slot is seen in the sign.
  for (int only = 0; only < 7; ++only) {
    Step step = draw(7, {50, 50}, 3, 1.0);
    step.plan.tensors[1].slots = only == 3 ? std::vector<int>{0, 3, 6} : std::vector<int>{only};
    for (auto& gradient : step.gradients) std::fill(gradient.begin() + 50, gradient.end(), -0.0F);
    const auto reducer = make(7);
    const auto sum = reduce(*reducer, step);
    for (std::size_t i = 50; i < sum.size(); ++i) {
      EXPECT_TRUE(sum[i] == 0 && std::signbit(sum[i])) << "only slot " << only;
    }
  }
}

TEST_P(ReducerContract, UntouchedRangesAreNeverRead) {
  // Slot buffers are reused: what an earlier step left in them must not come back.
  const auto reducer = make(4);
  Step step = draw(4, {30, 30}, 5, 1.0);
  expect_tree_sum(*reducer, step, "all touched");
  step.plan.tensors[0].slots = {1};
  step.plan.tensors[1].slots = {2};
  reducer->begin(step.plan);
  const Block own = block_of(world_.rank(), world_.size(), 4);
  for (int slot = own.begin; slot < own.end; ++slot) {
    const auto buffer = reducer->slot_buffer();
    if (slot == 1) std::fill_n(buffer.begin(), 30, 1.0F);
    if (slot == 2) std::fill_n(buffer.begin() + 30, 30, 2.0F);
    reducer->merge_slot(slot);
  }
  const auto sum = reducer->reduce();
  EXPECT_TRUE(std::all_of(sum.begin(), sum.begin() + 30, [](float v) { return v == 1.0F; }));
  EXPECT_TRUE(std::all_of(sum.begin() + 30, sum.end(), [](float v) { return v == 2.0F; }));
}

TEST_P(ReducerContract, InfinitiesAndTinyValuesPass) {
  const auto reducer = make(4);
  Step step = draw(4, {4}, 5, 1.0);
  const float infinity = std::numeric_limits<float>::infinity();
  const float tiny = std::numeric_limits<float>::denorm_min();
  for (int slot = 0; slot < 4; ++slot) {
    step.gradients[slot] = {slot == 2 ? infinity : 1.0F, slot < 2 ? tiny : -tiny,
                            std::numeric_limits<float>::max(), tiny};
  }
  expect_tree_sum(*reducer, step, "extremes");
}

TEST_P(ReducerContract, RefusesWrongUse) {
  const auto reducer = make(8);
  const Step step = draw(8, {10}, 1, 1.0);
  const Block own = block_of(world_.rank(), world_.size(), 8);
  EXPECT_THROW(reducer->slot_buffer(), ContractError);
  EXPECT_THROW(reducer->reduce(), ContractError);
  reducer->begin(step.plan);
  EXPECT_THROW(reducer->merge_slot(own.begin + 1), ContractError);
  EXPECT_THROW(reducer->merge_slot(own.end), ContractError);
  EXPECT_THROW(reducer->reduce(), ContractError);

  ReductionPlan bad = step.plan;
  bad.num_slots = 9;
  EXPECT_THROW(reducer->begin(bad), ContractError);
  bad = step.plan;
  bad.tensors[0].slots = {3, 8};
  EXPECT_THROW(reducer->begin(bad), ContractError);
  bad.tensors[0].slots = {3, 1};
  EXPECT_THROW(reducer->begin(bad), ContractError);
  bad.tensors[0].slots = {};
  EXPECT_THROW(reducer->begin(bad), ContractError);
  bad = step.plan;
  bad.tensors[0].offset = 1;
  EXPECT_THROW(reducer->begin(bad), ContractError);
  expect_tree_sum(*reducer, step, "after wrong use");
}

}  // namespace
}  // namespace enas::comm
