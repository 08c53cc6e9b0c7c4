// SPDX-License-Identifier: Apache-2.0
// What every GradientReducer owes: the tree sum over slots, the same to the bit for every number of
// ranks. The expected value comes from a recursion over the definition that shares no code with
// src.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>

#include "comm/mpi_reducer.hpp"
#include "comm/slot_tree.hpp"
#include "core/text.hpp"
#include "support/mpi_main.hpp"

namespace enas::comm {
namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<GradientReducer>(World&, int num_slots)> make;
};

// A step's plan with the gradients of all slots, known to every rank of the test.
struct Step {
  ReductionPlan plan;
  std::vector<std::vector<float>> gradients;  // [slots, total]; NaN where the slot touches nothing
};

// Of widely different magnitude, so that another order of summing gives other bits.
float draw_value(std::mt19937_64& random) {
  const auto mantissa = static_cast<float>(static_cast<std::int64_t>(random() >> 40) - (1 << 23));
  return std::ldexp(mantissa, static_cast<int>(random() % 40) - 43);
}

Step draw_step(int num_slots, const std::vector<std::int64_t>& lengths, std::uint64_t seed,
               double share_of_slots) {
  std::mt19937_64 random(seed);
  Step step;
  step.plan.num_slots = num_slots;
  for (const auto length : lengths) {
    UnionTensor tensor{step.plan.total(), length, {}};
    for (int slot = 0; slot < num_slots; ++slot) {
      if (static_cast<double>(random() % 1000) < 1000 * share_of_slots)
        tensor.slots.push_back(slot);
    }
    if (tensor.slots.empty()) tensor.slots.push_back(static_cast<int>(random() % num_slots));
    step.plan.tensors.push_back(tensor);
  }
  const float garbage = std::numeric_limits<float>::quiet_NaN();
  step.gradients.assign(num_slots, std::vector<float>(step.plan.total(), garbage));
  for (const auto& tensor : step.plan.tensors) {
    for (const int slot : tensor.slots) {
      for (std::int64_t i = 0; i < tensor.length; ++i) {
        step.gradients[slot][tensor.offset + i] = draw_value(random);
      }
    }
  }
  return step;
}

std::optional<float> tree_sum(const Step& step, const UnionTensor& tensor, std::int64_t at,
                              int begin, int width) {
  if (begin >= step.plan.num_slots) return {};
  if (width == 1) {
    if (!std::count(tensor.slots.begin(), tensor.slots.end(), begin)) return {};
    return step.gradients[begin][at];
  }
  const auto left = tree_sum(step, tensor, at, begin, width / 2);
  const auto right = tree_sum(step, tensor, at, begin + width / 2, width / 2);
  if (left && right) return *left + *right;
  return left ? left : right;
}

std::vector<float> expected_sum(const Step& step) {
  std::vector<float> sum;
  for (const auto& tensor : step.plan.tensors) {
    for (std::int64_t i = 0; i < tensor.length; ++i) {
      sum.push_back(tree_sum(step, tensor, tensor.offset + i, 0, 128).value());
    }
  }
  return sum;
}

std::size_t num_different_bits(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::max(a.size(), b.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]);
  }
  return different;
}

class ReducerContract : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<GradientReducer> make(int num_slots) {
    return GetParam().make(world_, num_slots);
  }
  std::span<const float> reduce(GradientReducer& reducer, const Step& step) {
    reducer.begin(step.plan);
    const Block own = block_of(world_.rank(), world_.size(), step.plan.num_slots);
    for (int slot = own.begin; slot < own.end; ++slot) {
      std::copy(step.gradients[slot].begin(), step.gradients[slot].end(),
                reducer.slot_buffer().begin());
      reducer.merge_slot(slot);
    }
    return reducer.reduce();
  }
  void expect_tree_sum(GradientReducer& reducer, const Step& step, std::string_view what) {
    const auto sum = reduce(reducer, step);
    EXPECT_EQ(num_different_bits(sum, expected_sum(step)), 0U)
        << what << ": " << step.plan.num_slots << " slots, " << world_.size() << " ranks";
  }

  World& world_ = test_world();
};

INSTANTIATE_TEST_SUITE_P(Reducers, ReducerContract,
                         testing::Values(Kind{"Mpi",
                                              [](World& world, int num_slots) {
                                                return std::make_unique<MpiReducer>(world,
                                                                                    num_slots);
                                              }}),
                         [](const auto& test) { return test.param.name; });

const std::vector<std::int64_t> kMixedLengths{300, 1, 7, 2000, 64, 0, 3, 129, 1000};

TEST_P(ReducerContract, IsTheTreeSumToTheBit) {
  for (const int num_slots : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 37, 64}) {
    if (num_slots < world_.size()) continue;
    const auto reducer = make(num_slots);
    for (const double share : {1.0, 0.6, 0.2, 0.0}) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        expect_tree_sum(*reducer, draw_step(num_slots, kMixedLengths, seed, share),
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
    expect_tree_sum(*reducer, draw_step(num_slots, lengths, ++seed, 0.5), "changing plans");
  }
}

TEST_P(ReducerContract, FewerValuesThanRanks) {
  for (const std::int64_t total : {1, 2, 3}) {
    const auto reducer = make(4);
    expect_tree_sum(*reducer, draw_step(4, {total}, 7, 1.0), "few values");
  }
}

TEST_P(ReducerContract, NothingToSum) {
  const auto reducer = make(4);
  EXPECT_TRUE(reduce(*reducer, draw_step(4, {}, 1, 1.0)).empty());
  EXPECT_EQ(reducer->last_cost().bytes_sent, 0);
}

TEST_P(ReducerContract, ATensorOfOneSlotArrivesUnchanged) {
  for (int only = 0; only < 5; ++only) {
    Step step = draw_step(5, {40, 100, 40}, 3, 1.0);
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
    Step step = draw_step(7, {50, 50}, 3, 1.0);
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
  Step step = draw_step(4, {30, 30}, 5, 1.0);
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
  Step step = draw_step(4, {4}, 5, 1.0);
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
  const Step step = draw_step(8, {10}, 1, 1.0);
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

TEST(MpiReducer, MoreRanksThanSlotsIsAnErrorThatNamesBoth) {
  World& world = test_world();
  const int num_slots = world.size() - 1;
  try {
    MpiReducer reducer(world, num_slots);
    ADD_FAILURE() << "was accepted";
  } catch (const ConfigError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(concat("weights.slots is ", num_slots)), std::string::npos) << message;
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
