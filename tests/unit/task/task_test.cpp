// SPDX-License-Identifier: Apache-2.0
// What children are compared by, and which task a configuration asks for.
#include "task/task.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/thrown.hpp"
#include "unit/search/small_settings.hpp"

namespace enas::task {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Metric kPerplexity{Metric::Kind::perplexity, kNan};
constexpr Metric kAccuracy{Metric::Kind::accuracy, kNan};

TEST(Metric, KnowsItsWords) {
  EXPECT_STREQ(kPerplexity.name(), "perplexity");
  EXPECT_STREQ(kAccuracy.name(), "accuracy");
  EXPECT_STREQ(kPerplexity.example(), "token");
  EXPECT_STREQ(kAccuracy.example(), "image");
  EXPECT_EQ(kPerplexity.text(219.449), "219.45");
  EXPECT_EQ(kAccuracy.text(0.47118), "47.12 %");
}

TEST(Metric, KnowsWhatIsBetter) {
  EXPECT_FALSE(kPerplexity.higher_is_better());
  EXPECT_TRUE(kPerplexity.better(80.0, 81.0));
  EXPECT_FALSE(kPerplexity.better(81.0, 80.0));
  EXPECT_TRUE(kAccuracy.higher_is_better());
  EXPECT_TRUE(kAccuracy.better(0.5, 0.4));
  EXPECT_FALSE(kAccuracy.better(0.4, 0.5));
  for (const Metric& metric : {kPerplexity, kAccuracy}) {
    EXPECT_FALSE(metric.better(1.0, 1.0));
    EXPECT_FALSE(metric.better(kNan, 1.0));
  }
}

TEST(Metric, IsOfLossOrAccuracy) {
  EXPECT_EQ(kPerplexity.of(std::log(80.0), 0.25), std::exp(std::log(80.0)));
  EXPECT_EQ(kPerplexity.of(20.0, 0.25), std::exp(20.0));  // never clipped
  EXPECT_EQ(kPerplexity.of(1000.0, 0.25), kInfinity);
  EXPECT_EQ(kAccuracy.of(20.0, 0.25), 0.25);
}

TEST(MakeTask, FollowsTheSpace) {
  const search::Settings text = search::small_settings();
  EXPECT_EQ(make_task(task_options(text), {0, 4})->metric().kind, Metric::Kind::perplexity);
  for (const space::SpaceKind kind : {space::SpaceKind::macro, space::SpaceKind::micro}) {
    search::Settings settings = search::small_image_settings(kind);
    const auto task = make_task(task_options(settings), {1, 2});
    EXPECT_EQ(task->metric().kind, Metric::Kind::accuracy);
    EXPECT_EQ(task->training_batch({0, 0, 0}, 1).target.size(0), 4);
    settings.data.source = DataSource::markov;
    EXPECT_EQ(thrown_code([&] { make_task(task_options(settings), {0, 4}); }), ExitCode::bad_data);
  }
}

}  // namespace
}  // namespace enas::task
