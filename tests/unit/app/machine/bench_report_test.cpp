// SPDX-License-Identifier: Apache-2.0
#include "app/machine/bench_report.hpp"

#include <gtest/gtest.h>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

bench::Report measured() {
  bench::Report report;
  report.data = "some text";
  report.example = "token";
  report.ranks = 2;
  report.threads = 3;
  report.weight.step = {0.4, 0.5};
  report.weight.ranks.resize(2);
  report.weight.ranks[0].split = {
      .data_s = 0.01, .forward_s = 0.15, .backward_s = 0.3, .update_s = 0.02};
  report.weight.flops = 1e9;
  report.weight.examples = 100.0;
  report.weight.union_bytes = 2048.0;
  report.controller.reward = {0.1, 0.2};
  report.controller.reward_flops = 1e8;
  report.controller.reward_examples = 10.0;
  report.controller.phase_children = 20;
  report.controller.sample_rollouts = {0.001, 0.002};
  report.controller.sample_phase = {0.03, 0.04};
  report.controller.update = {0.005, 0.006};
  report.round = {20, 5, 11.0, 0.01};
  report.peak_memory_bytes = 3e6;
  report.weight_bytes = 1e6;
  return report;
}

Json bench_of(bool weights, bool controller) {
  bench::Options options;
  options.weights = weights;
  options.controller = controller;
  return bench_json(read(kMarkov).settings, options, measured());
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(BenchReport, RatesAreOfAllRanks) {
  Json bench = bench_of(true, true);
  add_rates(bench, 8.0);
  EXPECT_DOUBLE_EQ(bench["weight_step"]["gflops"].get<double>(), 2.0);
  EXPECT_DOUBLE_EQ(bench["weight_step"]["share_of_peak"].get<double>(), 0.25);
  // Each of the two ranks scores a rollout of its own in that time.
  EXPECT_DOUBLE_EQ(bench["reward"]["gflops"].get<double>(), 1.0);
  EXPECT_DOUBLE_EQ(bench["reward"]["share_of_peak"].get<double>(), 0.125);
  EXPECT_DOUBLE_EQ(bench["weight_step"]["examples_per_s"].get<double>(), 200.0);
  EXPECT_DOUBLE_EQ(bench["memory"]["beyond_weights_bytes"].get<double>(), 2e6);
}

TEST(BenchReport, HoldsOnlyWhatWasMeasured) {
  Json weights = bench_of(true, false);
  add_rates(weights, 8.0);
  EXPECT_TRUE(weights.contains("weight_step"));
  for (const char* key : {"reward", "sample_rollouts", "update", "round"}) {
    EXPECT_FALSE(weights.contains(key)) << key;
  }
  EXPECT_FALSE(has(bench_text(weights), "reward"));
  Json controller = bench_of(false, true);
  add_rates(controller, 8.0);
  EXPECT_FALSE(controller.contains("weight_step"));
  EXPECT_TRUE(has(bench_text(controller), "reward"));
}

TEST(BenchReport, TableInWords) {
  Json bench = bench_of(true, true);
  add_rates(bench, 8.0);
  const std::string text = bench_text(bench);
  for (const char* part :
       {"recurrent on some text", "fused kernels, float32; 2 rank(s) of 3 thread(s)",
        "weight step              500.00 ms   400.00 ms       2.0    25.0 %         200",
        "children of rollouts       2.00 ms     1.00 ms",
        "weight step: data 2.0 %, forward 30.0 %, backward 60.0 %, pack 0.0 %, wait 0.0 %, reduce "
        "0.0 %, update 4.0 %, rest 4.0 %",
        "gradients of a step: 2.0 KiB", "1.0 % of it for the controller"}) {
    EXPECT_TRUE(has(text, part)) << part << "\nin\n" << text;
  }
}

TEST(BenchReport, ReferenceBesideIt) {
  Json bench = bench_of(true, false);
  Json reference = bench;
  reference["weight_step"]["median_s"] = 1.0;
  reference["weight_step"]["min_s"] = 1.2;
  reference["memory"]["peak_bytes"] = 6e6;
  add_rates(bench, 8.0);
  add_rates(reference, 8.0);
  bench["comparison"] = comparison_json(bench, reference);
  EXPECT_DOUBLE_EQ(bench["comparison"]["weight_step"]["median"].get<double>(), 2.0);
  EXPECT_DOUBLE_EQ(bench["comparison"]["weight_step"]["min"].get<double>(), 3.0);
  EXPECT_DOUBLE_EQ(bench["comparison"]["peak_memory"].get<double>(), 2.0);
  EXPECT_FALSE(bench["comparison"].contains("reward"));
  bench["reference"] = reference;
  bench["warnings"] = {"something"};
  const std::string text = bench_text(bench);
  EXPECT_TRUE(has(text, "reference, in turn with it")) << text;
  EXPECT_TRUE(has(text, "2.00      3.00")) << text;
  EXPECT_TRUE(has(text, "warning: something")) << text;
}

}  // namespace
}  // namespace enas::app
