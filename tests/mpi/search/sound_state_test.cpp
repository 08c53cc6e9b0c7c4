// SPDX-License-Identifier: Apache-2.0
// What one rank alone finds in its memory takes all ranks along the same road.
#include <gtest/gtest.h>

#include <limits>

#include "core/text.hpp"
#include "mpi/search/checkpoint_program.hpp"
#include "support/thrown.hpp"

namespace enas::search {
namespace {

using SoundStateTest = CheckpointerTest;

/// Makes one value of an array infinite.
void make_infinite(const run::NamedArray& array) {
  std::visit(
      [](auto values) {
        using T = typename decltype(values)::value_type;
        values.back() = std::numeric_limits<T>::infinity();
      },
      array.values);
}

TEST_F(SoundStateTest, AnInfinityOnOneRankAloneIsADifference) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  settings.weights.momentum = 0.9;
  for (const int rank : {0, test_world().size() - 1}) {
    for (int kind = 0; kind < 4; ++kind) {
      Program program(folder.path(), settings, 1);
      program.fill(10);
      const auto strategy = program.parts.strategy.state();
      const run::NamedArray arrays[] = {run::arrays_of(program.parts.supernet->weights()).back(),
                                        program.parts.optimizer.state().back(), strategy.front(),
                                        strategy[strategy.size() - 2]};  // the baseline
      if (test_world().rank() == rank) make_infinite(arrays[kind]);
      const std::string message = thrown<run::ReplicasDiffer>([&] { program.checkpointer.save(); });
      EXPECT_TRUE(contains(message, "on rank ")) << arrays[kind].name;
      EXPECT_TRUE(steps().empty());
    }
  }
}

TEST_F(SoundStateTest, ACarriedStateThatIsNotFiniteIsNotStored) {
  Program program(folder.path(), settings, 1);
  program.fill(10);
  const int last = test_world().size() - 1;
  if (test_world().rank() == last)
    make_infinite(run::named_array("", program.content.slot_state.back()));
  const std::string message = thrown<run::ReplicasDiffer>([&] { program.checkpointer.save(); });
  EXPECT_EQ(message, concat("a carried state on rank ", last, " is not finite at step 10"));
  EXPECT_TRUE(steps().empty());
}

TEST_F(SoundStateTest, InfinitiesOnAllRanksAreADivergence) {
  Program program(folder.path(), settings, 1);
  program.fill(10);
  make_infinite(run::arrays_of(program.parts.supernet->weights()).back());
  const std::string message = thrown<run::NotFinite>([&] { program.checkpointer.save(); });
  EXPECT_EQ(message, "weights that are not finite at step 10");
  EXPECT_TRUE(steps().empty());
}

}  // namespace
}  // namespace enas::search
