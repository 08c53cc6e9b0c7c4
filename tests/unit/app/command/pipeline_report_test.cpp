// SPDX-License-Identifier: Apache-2.0
#include "app/command/pipeline_report.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace enas::app {
namespace {

/// Two networks of each of two seeds. The best by validation is not the best on the test split.
std::vector<PipelineResult> two_seeds() {
  return {{"reinforce", 1, 1, 30.0, 21.0, 10.0, "a", false},
          {"reinforce", 1, 2, 31.0, 20.0, 12.0, "b", false},
          {"reinforce", 2, 1, 30.0, 22.0, 14.0, "c", false},
          {"reinforce", 2, 2, 31.0, 23.0, 11.0, "d", false},
          {"random", 1, 1, 30.0, 25.0, 18.0, "e", false}};
}

std::vector<std::string> marked(const std::vector<PipelineResult>& results) {
  std::vector<std::string> folders;
  for (const auto& result : results) {
    if (result.is_best_of_seed) folders.push_back(result.run_dir);
  }
  return folders;
}

TEST(PipelineReport, TheBestOfASeedIsTheBestByValidation) {
  auto results = two_seeds();
  mark_best_of_seeds(results, false);
  EXPECT_EQ(marked(results), (std::vector<std::string>{"b", "c", "e"}));
  mark_best_of_seeds(results, true);
  EXPECT_EQ(marked(results), (std::vector<std::string>{"a", "d", "e"}));
}

TEST(PipelineReport, WhatIsNotFiniteIsNotTheBest) {
  auto results = two_seeds();
  results[0].validation = std::numeric_limits<double>::quiet_NaN();
  mark_best_of_seeds(results, true);
  EXPECT_EQ(marked(results), (std::vector<std::string>{"b", "d", "e"}));
}

TEST(PipelineReport, EachSeedCountsOnce) {
  auto results = two_seeds();
  mark_best_of_seeds(results, false);
  const std::string text = results_text(results, true);
  // Of 12 and 14.
  EXPECT_NE(text.find("reinforce: test of each seed's best 13.00 ± 1.41 (n = 2 seeds)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("random: test of each seed's best 18.00 (n = 1 seed)\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("20.00         12.00 *\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("10.00 *"), std::string::npos) << text;
  EXPECT_EQ(results_json(results)[1]["best_of_seed"], true);
  EXPECT_EQ(results_json(results)[0]["best_of_seed"], false);
}

}  // namespace
}  // namespace enas::app
