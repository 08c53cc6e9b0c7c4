// SPDX-License-Identifier: Apache-2.0
// One flipped bit is found, with the tensor's name and the rank, on every rank alike.
#include "run/replicas.hpp"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/text.hpp"
#include "support/mpi_main.hpp"
#include "support/thrown.hpp"

namespace enas::run {
namespace {

/// A state of three weights with momentum and a strategy.
struct ReplicasTest : testing::Test {
  std::vector<float> embedding = {1.0F, 2.0F};
  std::vector<float> relu = {3.0F};
  std::vector<float> tanh = {4.0F};
  std::vector<float> velocities = {0.1F, 0.2F, 0.3F, 0.4F};
  std::vector<double> baseline = {0.5};
  std::int64_t round = 7;
  std::vector<std::int32_t> tokens = {1, 2, 3};
  std::vector<at::Tensor> carried = {at::zeros({2})};
  MovedWeights moved;
  int last = test_world().size() - 1;

  std::vector<NamedArray> weights() {
    return {{"embedding", {2}, std::span(embedding)},
            {"relu", {1}, std::span(relu)},
            {"tanh", {1}, std::span(tanh)}};
  }
  State state() {
    const std::span<float> all(velocities);
    return {{ArrayGroup{"/weights", weights(), true},
             ArrayGroup{"/momentum",
                        {{"embedding", {2}, all.subspan(0, 2)},
                         {"relu", {1}, all.subspan(2, 1)},
                         {"tanh", {1}, all.subspan(3, 1)}},
                        true},
             ArrayGroup{"/strategy", {{"baseline", {1}, std::span(baseline)}}},
             SlotStates{1, {2}, &carried}, Sequence{"/best/tokens", &tokens},
             Number{"/progress", "round", &round}},
            {}};
  }
  /// Changes a value on one rank alone; a second call changes it back.
  template <typename T>
  void flip_on(int rank, T& value) const {
    if (test_world().rank() == rank) value = -value;
  }
  std::string touched_failure() {
    return thrown<ReplicasDiffer>([&] { moved.compare(test_world(), state(), 99); });
  }
  std::string all_failure() {
    return thrown<ReplicasDiffer>([&] { compare_all(test_world(), state(), 99); });
  }
};

TEST_F(ReplicasTest, AreQuietWhileTheyAreEqual) {
  moved.note({0, 2});
  EXPECT_EQ(touched_failure(), "");
  EXPECT_EQ(all_failure(), "");
}

TEST_F(ReplicasTest, AnyFieldThatDiffersIsNamedWithTheRank) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  const auto expect_named = [&](auto& value, const std::string& name) {
    flip_on(last, value);
    EXPECT_EQ(all_failure(), concat("replicas differ at step 99: '", name, "' on rank ", last));
    flip_on(last, value);
    EXPECT_EQ(all_failure(), "");
  };
  expect_named(relu[0], "weights/relu");
  expect_named(velocities[3], "momentum/tanh");
  expect_named(baseline[0], "strategy/baseline");
  expect_named(round, "progress/round");
  expect_named(tokens[2], "best/tokens");
}

TEST_F(ReplicasTest, OfWeightsOnlyThoseThatMovedAreCompared) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  for (float* value : {relu.data(), &velocities[2]}) {
    flip_on(last, *value);
    moved.note({0, 2});
    EXPECT_EQ(touched_failure(), "");
    moved.note({1});
    moved.note({0});
    EXPECT_TRUE(contains(touched_failure(), "/relu' on rank"));
    EXPECT_EQ(touched_failure(), "");  // what was compared is forgotten
    flip_on(last, *value);
  }
  flip_on(last, baseline[0]);
  EXPECT_TRUE(contains(touched_failure(), "'strategy/baseline' on rank"));
}

TEST_F(ReplicasTest, TheMinorityIsNamedAlsoWhenItIsRankZero) {
  if (last < 2) GTEST_SKIP() << "needs three ranks";
  flip_on(0, relu[0]);
  EXPECT_EQ(all_failure(), "replicas differ at step 99: 'weights/relu' on rank 0");
}

TEST_F(ReplicasTest, AllRanksOfTheMinorityAreNamed) {
  if (last < 3) GTEST_SKIP() << "needs four ranks";
  flip_on(2, relu[0]);
  flip_on(3, relu[0]);
  EXPECT_EQ(all_failure(), "replicas differ at step 99: 'weights/relu' on rank 2, 3");
}

TEST_F(ReplicasTest, ARankWithAnotherNumberOfArraysIsFound) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  for (const int surplus : {1, -1}) {
    auto arrays = weights();
    if (test_world().rank() == last) {
      if (surplus > 0) arrays.push_back(arrays.front());
      if (surplus < 0) arrays.pop_back();
    }
    const auto message =
        thrown<ReplicasDiffer>([&] { compare_replicas(test_world(), arrays, 99); });
    EXPECT_TRUE(contains(message, concat("on rank ", last))) << message;
    test_world().barrier();  // no rank waits in another collective
  }
}

TEST_F(ReplicasTest, ACarriedStateThatIsNotFiniteIsFound) {
  if (test_world().rank() == last) carried[0].fill_(std::numeric_limits<float>::infinity());
  EXPECT_EQ(all_failure(), concat("a carried state on rank ", last, " is not finite at step 99"));
}

TEST_F(ReplicasTest, EveryRankGetsWhatRankZeroHas) {
  const bool is_root = test_world().is_root();
  if (!is_root) {
    relu[0] = baseline[0] = 9.0;
    round = 9;
    tokens.clear();
  }
  broadcast_replicas(test_world(), [this] { return state(); });
  EXPECT_EQ(relu[0], 3.0F);
  EXPECT_EQ(baseline[0], 0.5);
  EXPECT_EQ(round, 7);
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{1, 2, 3}));
}

}  // namespace
}  // namespace enas::run
