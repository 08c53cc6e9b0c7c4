// SPDX-License-Identifier: Apache-2.0
// One flipped bit is found, with the tensor's name and the rank, on every rank alike.
#include "search/replica_guard.hpp"

#include <gtest/gtest.h>

#include "core/text.hpp"
#include "mpi/search/small_search.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
namespace {

struct ReplicaGuardTest : testing::Test {
  static Settings with_momentum() {
    Settings settings = small_settings();
    settings.weights.momentum = 0.9;
    return settings;
  }

  SmallSearch parts{with_momentum()};
  ReplicaGuard guard{test_world(), parts.optimizer, parts.supernet->weights().size(),
                     parts.strategy};
  int last = test_world().size() - 1;

  int number_of(const std::string& name) const { return parts.number_of(name); }
  void flip_on(int rank, const std::string& name) const {
    if (test_world().rank() != rank) return;
    const auto& weight = parts.weight(number_of(name));
    flip_bit(named_array(weight.name, weight.value));
  }
  void flip_momentum_on(int rank, const std::string& name) const {
    if (test_world().rank() != rank) return;
    flip_bit(parts.optimizer.state()[static_cast<std::size_t>(number_of(name))]);
  }
  std::string touched_failure() {
    return thrown<ReplicasDiffer>([&] { guard.check_touched(99); });
  }
  std::string all_failure() {
    return thrown<ReplicasDiffer>([&] { guard.check_all(99); });
  }
};

TEST_F(ReplicaGuardTest, IsQuietWhileReplicasAreEqual) {
  guard.note_touched({0, 3});
  guard.check_touched(1);
  guard.check_all(1);
  guard.check_strategy(1);
}

TEST_F(ReplicaGuardTest, NamesTensorAndMinorityRank) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  flip_on(last, "edge/2/1/relu");
  EXPECT_EQ(all_failure(), concat("replicas differ at step 99: 'edge/2/1/relu' on rank ", last));
  flip_on(last, "edge/2/1/relu");
  EXPECT_EQ(all_failure(), "");
}

TEST_F(ReplicaGuardTest, NamesMomentum) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  const std::string message =
      concat("replicas differ at step 99: 'momentum of edge/2/1/relu' on rank ", last);
  flip_momentum_on(last, "edge/2/1/relu");
  EXPECT_EQ(all_failure(), message);
  guard.note_touched({number_of("edge/2/1/tanh")});
  EXPECT_EQ(touched_failure(), "");
  guard.note_touched({number_of("edge/2/1/relu")});
  EXPECT_EQ(touched_failure(), message);
  guard.check_strategy(5);
  flip_momentum_on(last, "edge/2/1/relu");
  EXPECT_EQ(all_failure(), "");
}

TEST_F(ReplicaGuardTest, ChecksOnlyWhatWasTouched) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  flip_on(last, "edge/2/1/relu");
  guard.note_touched({0, number_of("edge/2/1/tanh")});
  EXPECT_EQ(touched_failure(), "");
  guard.note_touched({number_of("edge/2/1/relu")});
  guard.note_touched({0});
  EXPECT_TRUE(contains(touched_failure(), "'edge/2/1/relu' on rank"));
  // What was compared is forgotten.
  EXPECT_EQ(touched_failure(), "");
}

TEST_F(ReplicaGuardTest, AFullCheckForgetsWhatWasTouched) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  guard.note_touched({0});
  guard.check_all(1);
  flip_on(last, "embedding");
  EXPECT_EQ(touched_failure(), "");
}

TEST_F(ReplicaGuardTest, NamesTheMinorityAlsoWhenItIsRankZero) {
  if (last < 2) GTEST_SKIP() << "needs three ranks";
  flip_on(0, "first/identity");
  EXPECT_EQ(all_failure(), "replicas differ at step 99: 'first/identity' on rank 0");
}

TEST_F(ReplicaGuardTest, NamesAllRanksOfTheMinority) {
  if (last < 3) GTEST_SKIP() << "needs four ranks";
  flip_on(2, "embedding");
  flip_on(3, "embedding");
  EXPECT_EQ(all_failure(), "replicas differ at step 99: 'embedding' on rank 2, 3");
}

TEST_F(ReplicaGuardTest, ARankWithAnotherNumberOfArraysIsFound) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  for (const int surplus : {1, -1}) {
    auto arrays = parts.strategy.state();
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

TEST_F(ReplicaGuardTest, EveryCheckLooksAtTheStrategy) {
  if (last == 0) GTEST_SKIP() << "needs two ranks";
  const auto arrays = parts.strategy.state();
  for (const std::size_t which : {std::size_t{0}, arrays.size() - 1}) {
    if (test_world().rank() == last) flip_bit(arrays[which]);
    const std::string place = concat("'", arrays[which].name, "' on rank ", last);
    EXPECT_TRUE(contains(all_failure(), place));
    EXPECT_TRUE(contains(touched_failure(), place));
    EXPECT_TRUE(contains(thrown<ReplicasDiffer>([&] { guard.check_strategy(5); }), place));
    if (test_world().rank() == last) flip_bit(arrays[which]);
  }
  flip_on(last, "embedding");
  guard.check_strategy(5);
}

}  // namespace
}  // namespace enas::search
