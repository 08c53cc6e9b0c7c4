// SPDX-License-Identifier: Apache-2.0
// What happened lands in the columns that say so.
#include "search/run_log.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "space/recurrent.hpp"

namespace enas::search {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;
using Tokens = std::vector<std::int32_t>;
using Texts = std::vector<std::string>;

struct RunLogTest : testing::Test {
  space::SearchSpace space = space::recurrent_space({.nodes = 2});  // 3 tokens, 4 options
  RunLog log{space, {task::Metric::Kind::perplexity, kNan}};
  io::Digest strategy{0x1234, 0xabcd};
  Progress progress;

  RunLogTest() {
    progress.step = 41;
    progress.round = 3;
  }
  space::Architecture child(std::int32_t first) const { return {space.id(), {first, 0, 2}}; }
  io::ImageReader written() const { return {log.image(40, 50, {"a = 1\n", {}}), "log"}; }
};

TEST_F(RunLogTest, WeightStep) {
  train::StepReport report;
  std::vector<space::Architecture> children;
  for (std::int64_t slot = 0; slot < 2; ++slot) {
    run::StepRecord record;
    record.item = slot;
    record.loss = slot == 0 ? 2.5 : kNan;
    record.count = 10;
    record.finite = slot == 0 ? 1 : 0;
    report.slots.push_back(record);
    children.push_back(child(static_cast<std::int32_t>(slot)));
  }
  report.num_finite = 1;
  report.loss = 2.5;
  report.gradient_norm = 0.75;
  report.lr = 20.0;
  report.examples_per_s = 1000.0;
  report.data_s = 0.1;
  report.forward_s = 0.2;
  report.backward_s = 0.3;
  report.pack_s = 0.4;
  report.wait_s = 0.5;
  report.reduce_s = 0.6;
  report.update_s = 0.7;
  log.add_weight_step(progress, report, children, strategy);

  const auto image = written();
  EXPECT_EQ(image.read<std::int64_t>("/weight_steps/step"), Integers{41});
  EXPECT_EQ(image.read<std::int64_t>("/weight_steps/round"), Integers{3});
  EXPECT_EQ(image.read<std::int64_t>("/weight_steps/num_finite"), Integers{1});
  EXPECT_EQ(image.read<double>("/weight_steps/loss"), Reals{2.5});
  EXPECT_EQ(image.read<double>("/weight_steps/gradient_norm"), Reals{0.75});
  EXPECT_EQ(image.read<double>("/weight_steps/lr"), Reals{20.0});
  EXPECT_EQ(image.read<double>("/weight_steps/metric"), Reals{std::exp(2.5)});
  EXPECT_EQ(image.read<double>("/weight_steps/examples_per_s"), Reals{1000.0});
  EXPECT_EQ(image.read<double>("/weight_steps/data_s"), Reals{0.1});
  EXPECT_EQ(image.read<double>("/weight_steps/forward_s"), Reals{0.2});
  EXPECT_EQ(image.read<double>("/weight_steps/backward_s"), Reals{0.3});
  EXPECT_EQ(image.read<double>("/weight_steps/pack_s"), Reals{0.4});
  EXPECT_EQ(image.read<double>("/weight_steps/wait_s"), Reals{0.5});
  EXPECT_EQ(image.read<double>("/weight_steps/reduce_s"), Reals{0.6});
  EXPECT_EQ(image.read<double>("/weight_steps/update_s"), Reals{0.7});

  EXPECT_EQ(image.read<std::int64_t>("/children/step"), (Integers{41, 41}));
  EXPECT_EQ(image.read<std::int64_t>("/children/round"), (Integers{3, 3}));
  EXPECT_EQ(image.read_strings("/children/source"), (Texts{"slot", "slot"}));
  EXPECT_EQ(image.read<std::int64_t>("/children/index"), (Integers{0, 1}));
  EXPECT_EQ(image.shape("/children/tokens"), (Integers{2, 3}));
  EXPECT_EQ(image.read<std::int32_t>("/children/tokens"), (Tokens{0, 0, 2, 1, 0, 2}));
  EXPECT_EQ(image.read<std::int64_t>("/children/finite"), (Integers{1, 0}));
  EXPECT_EQ(image.read_strings("/children/strategy_digest"), Texts(2, strategy.hex()));
  const auto loss = image.read<double>("/children/loss");
  EXPECT_EQ(loss[0], 2.5);
  EXPECT_TRUE(std::isnan(loss[1]));
  const auto metric = image.read<double>("/children/metric");
  EXPECT_EQ(metric[0], std::exp(2.5));
  EXPECT_TRUE(std::isnan(metric[1]));
  for (const double reward : image.read<double>("/children/reward")) {
    EXPECT_TRUE(std::isnan(reward));
  }
}

TEST_F(RunLogTest, SlotsOfImagesHaveAnAccuracy) {
  RunLog images(space, {task::Metric::Kind::accuracy, kNan});
  train::StepReport report;
  run::StepRecord record;
  record.item = 0;
  record.loss = 2.5;
  record.correct = 3;
  record.count = 8;
  report.slots = {record};
  images.add_weight_step(progress, report, {child(1)}, strategy);
  const io::ImageReader image(images.image(40, 50, {}), "log");
  EXPECT_EQ(image.read<double>("/children/loss"), Reals{2.5});
  EXPECT_EQ(image.read<double>("/children/metric"), Reals{0.375});
  EXPECT_EQ(image.string_attribute("/", "metric"), "accuracy");
  EXPECT_EQ(image.int_attribute("/", "higher_is_better"), 1);
  EXPECT_EQ(image.string_attribute("/children/loss", "unit"), "nats/image");
}

TEST_F(RunLogTest, ControllerStep) {
  ControllerStepReport report;
  report.rollouts = {{child(0), 3.0, 20.25, space::RolloutStatus::ok},
                     {child(2), kNan, kNan, space::RolloutStatus::not_finite}};
  report.rewards = {4.0, 0.0};
  report.learned = {{5.0, 2.0}, {1.0, -2.0}, {0.5, 1.5}, 3.25, 0.875, 0.125};
  report.compute_s = 0.1;
  report.wait_s = 0.2;
  log.add_controller_step(progress, report, strategy);

  const auto image = written();
  EXPECT_EQ(image.read<std::int64_t>("/controller_steps/step"), Integers{41});
  EXPECT_EQ(image.read<std::int64_t>("/controller_steps/round"), Integers{3});
  EXPECT_EQ(image.read<double>("/controller_steps/reward"), Reals{3.5});
  EXPECT_EQ(image.read<double>("/controller_steps/baseline"), Reals{3.25});
  EXPECT_EQ(image.read<double>("/controller_steps/advantage"), Reals{-0.5});
  EXPECT_EQ(image.read<double>("/controller_steps/entropy"), Reals{1.0});
  EXPECT_EQ(image.read<double>("/controller_steps/skip_penalty"), Reals{0.875});
  EXPECT_EQ(image.read<double>("/controller_steps/gradient_norm"), Reals{0.125});
  EXPECT_EQ(image.read<double>("/controller_steps/compute_s"), Reals{0.1});
  EXPECT_EQ(image.read<double>("/controller_steps/wait_s"), Reals{0.2});

  EXPECT_EQ(image.read_strings("/children/source"), (Texts{"rollout", "rollout"}));
  EXPECT_EQ(image.read<std::int64_t>("/children/index"), (Integers{0, 1}));
  EXPECT_EQ(image.read<std::int32_t>("/children/tokens"), (Tokens{0, 0, 2, 2, 0, 2}));
  EXPECT_EQ(image.read<double>("/children/reward"), (Reals{4.0, 0.0}));
  EXPECT_EQ(image.read<std::int64_t>("/children/finite"), (Integers{1, 0}));
  EXPECT_EQ(image.read<double>("/children/loss")[0], 3.0);
  EXPECT_EQ(image.read<double>("/children/metric")[0], 20.25);
}

TEST_F(RunLogTest, Round) {
  ValidationReport report;
  report.children = {{child(1), 2.0, 7.5, space::RolloutStatus::ok}};
  report.mean_metric = 60.0;
  report.best_metric = 50.0;
  report.best = 0;
  report.decision_entropy = {0.1, 0.2, 0.3};
  report.entropy = 0.6;
  report.option_histogram = {0.5, 0.25, 0.25, 0.0};
  report.skip_rate = 0.4;
  report.log_probability = {-3.5};
  log.add_round(progress, report, 45.0, strategy, 12.5);

  const auto image = written();
  EXPECT_EQ(image.read<std::int64_t>("/rounds/round"), Integers{3});
  EXPECT_EQ(image.read<std::int64_t>("/rounds/step"), Integers{41});
  EXPECT_EQ(image.read<double>("/rounds/mean_metric"), Reals{60.0});
  EXPECT_EQ(image.read<double>("/rounds/best_metric"), Reals{50.0});
  EXPECT_EQ(image.read<double>("/rounds/best_so_far"), Reals{45.0});
  EXPECT_EQ(image.read<double>("/rounds/entropy"), Reals{0.6});
  EXPECT_EQ(image.read<double>("/rounds/decision_entropy"), (Reals{0.1, 0.2, 0.3}));
  EXPECT_EQ(image.shape("/rounds/decision_entropy"), (Integers{1, 3}));
  EXPECT_EQ(image.read<double>("/rounds/option_histogram"), (Reals{0.5, 0.25, 0.25, 0.0}));
  EXPECT_EQ(image.read<double>("/rounds/skip_rate"), Reals{0.4});
  EXPECT_EQ(image.read<double>("/rounds/seconds"), Reals{12.5});
  EXPECT_EQ(image.read_strings("/children/source"), Texts{"validation"});
  EXPECT_EQ(image.read<double>("/children/loss"), Reals{2.0});
  EXPECT_EQ(image.read<double>("/children/metric"), Reals{7.5});
  EXPECT_EQ(image.read<double>("/children/log_probability"), Reals{-3.5});
  EXPECT_TRUE(std::isnan(image.read<double>("/children/reward")[0]));
  EXPECT_TRUE(std::isnan(image.read<double>("/children/seconds")[0]));
}

TEST_F(RunLogTest, Event) {
  log.add_event(7, "rollback", "went back");
  const auto image = written();
  EXPECT_EQ(image.read<std::int64_t>("/events/step"), Integers{7});
  EXPECT_EQ(image.read_strings("/events/kind"), Texts{"rollback"});
  EXPECT_EQ(image.read_strings("/events/text"), Texts{"went back"});
}

TEST_F(RunLogTest, SaysWhatItIs) {
  const auto image = written();
  EXPECT_EQ(image.string_attribute("/", "format"), "enas_hpc log");
  EXPECT_EQ(image.int_attribute("/", "format_version"), kLogFormatVersion);
  EXPECT_EQ(image.int_attribute("/", "first_step"), 40);
  EXPECT_EQ(image.int_attribute("/", "end_step"), 50);
  EXPECT_EQ(image.string_attribute("/", "space"), space.id());
  EXPECT_EQ(image.string_attribute("/", "metric"), "perplexity");
  EXPECT_EQ(image.int_attribute("/", "higher_is_better"), 0);
  EXPECT_EQ(image.string_attribute("/", "configuration"), "a = 1\n");
  EXPECT_EQ(image.read_strings("/options"), space.options());
  const auto decisions = image.read_strings("/decisions");
  ASSERT_EQ(decisions.size(), 3U);
  for (const auto& decision : space.decisions()) {
    if (decision.token < 0) continue;
    EXPECT_EQ(decisions[static_cast<std::size_t>(decision.token)], decision.name);
  }
}

TEST_F(RunLogTest, OnlyTimesAreMarkedAsClock) {
  const auto image = written();
  std::vector<std::string> clocks;
  for (const char* table : {"weight_steps", "controller_steps", "children", "rounds", "events"}) {
    for (const auto& column : image.members(std::string("/") + table)) {
      const std::string path = std::string("/") + table + "/" + column;
      EXPECT_FALSE(image.string_attribute(path, "description").empty()) << path;
      if (image.int_attribute(path, "clock") != 0) clocks.push_back(path);
    }
  }
  EXPECT_EQ(
      clocks,
      (Texts{"/weight_steps/backward_s", "/weight_steps/data_s", "/weight_steps/examples_per_s",
             "/weight_steps/forward_s", "/weight_steps/pack_s", "/weight_steps/reduce_s",
             "/weight_steps/update_s", "/weight_steps/wait_s", "/controller_steps/compute_s",
             "/controller_steps/wait_s", "/children/seconds", "/rounds/seconds"}));
}

TEST_F(RunLogTest, ForgetsEverything) {
  log.add_event(7, "rollback", "went back");
  log.add_round(progress, {{}, 1.0, 1.0, -1, {0, 0, 0}, 0.0, {0, 0, 0, 0}, kNan, {}}, 1.0, strategy,
                1.0);
  log.add_weight_step(progress, {}, {}, strategy);
  log.add_controller_step(progress, {{{child(0), 1.0, 1.0}}, {1.0}, {}}, strategy);
  EXPECT_EQ(written().read<std::int64_t>("/children/step").size(), 1U);
  log.clear();
  const auto image = written();
  for (const char* table : {"weight_steps", "controller_steps", "children", "rounds", "events"}) {
    EXPECT_TRUE(image.read<std::int64_t>(std::string("/") + table + "/step").empty()) << table;
  }
}

}  // namespace
}  // namespace enas::search
