// SPDX-License-Identifier: Apache-2.0
#include "child/averaging_trigger.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.hpp"

namespace enas::child {
namespace {

/// The check at which averaging begins, from 0 on; -1 for never.
int triggered_at(AveragingTrigger trigger, const std::vector<double>& losses) {
  int found = -1;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (!trigger.check(losses[i])) continue;
    EXPECT_EQ(found, -1) << "it begins once";
    found = static_cast<int>(i);
  }
  EXPECT_EQ(trigger.has_triggered(), found >= 0);
  return found;
}

TEST(AveragingTrigger, BeginsWhereTheRuleSays) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Case {
    std::size_t patience;
    std::vector<double> losses;
    int expected;
  };
  const Case cases[] = {
      {2, {}, -1},
      {2, {9, 8, 7, 6, 5, 4}, -1},         // always better
      {2, {5, 5, 5, 5, 5, 5}, -1},         // equal is not worse
      {2, {1, 2, 3}, -1},                  // with 2 earlier losses none is left but the last two
      {2, {1, 2, 3, 4}, 3},                // 4 > 1
      {2, {9, 5, 6, 7, 6}, 4},             // at 7 only {9} counts, at 6 {9, 5}
      {0, {3, 2, 2, 2.5, 1}, 3},           // no patience: worse than the best of all
      {1, {3, 2, 2.5, 2.4}, 3},            // at 2.5 only {3} counts, at 2.4 {3, 2}
      {3, {9, 4, 8, 8, 8, 4.5, 3, 3}, 5},  // at the last 8 only {9} counts, at 4.5 {9, 4}
      {1, {3, nan, nan, nan}, -1},         // what is not a number does not begin it
      {1, {3, nan, 2, 3.5}, 3},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(triggered_at(AveragingTrigger(row.patience), row.losses), row.expected)
        << "losses " << testing::PrintToString(row.losses) << ", patience " << row.patience;
  }
}

TEST(AveragingTrigger, GoesOnFromItsStateAtAnyCheck) {
  const std::vector<double> losses = {9, 6, 7, 5, 6.5, 6.5, 5.5, 8, 9};
  for (const std::size_t patience : {0, 1, 2, 4, 8}) {
    for (std::size_t stop = 0; stop <= losses.size(); ++stop) {
      AveragingTrigger whole(patience);
      AveragingTrigger first(patience);
      AveragingTrigger second(patience);
      for (std::size_t i = 0; i < losses.size(); ++i) {
        if (i == stop) second.state() = first.state();
        const bool begins = whole.check(losses[i]);
        EXPECT_EQ((i < stop ? first : second).check(losses[i]), begins);
      }
      if (stop == losses.size()) second.state() = first.state();
      EXPECT_EQ(second.state(), whole.state());
      EXPECT_EQ(second.has_triggered(), whole.has_triggered());
    }
  }
}

TEST(AveragingTrigger, RefusesWhatIsNoState) {
  AveragingTrigger trigger(2);
  trigger.state() = {};
  EXPECT_THROW(trigger.validate(), InputError);
  trigger.state() = {0.5, 3.0};
  EXPECT_THROW(trigger.validate(), InputError);
  trigger.state() = {1.0};
  EXPECT_NO_THROW(trigger.validate());
  EXPECT_TRUE(trigger.has_triggered());
}

}  // namespace
}  // namespace enas::child
