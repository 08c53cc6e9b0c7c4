// SPDX-License-Identifier: Apache-2.0
#include "app/config/key_relations.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "app/config/presets.hpp"
#include "app/config/schema.hpp"
#include "app/config/toml_reader.hpp"
#include "core/text.hpp"
#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

const std::string kShapes = "space.kind = \"macro\"\ndata.source = \"shapes\"\n";

/// Two values that break a bound, with the words of the message.
struct Case {
  std::string smaller;
  std::string value;
  std::string larger;
  std::string limit;
  std::string relation = "at most";
  std::string start = kMarkov;
};

const std::vector<Case> kCases = {
    {"weights.lr_min", "2", "weights.lr", "1.5"},
    {"train.lr_min", "2", "train.lr", "1.5"},
    {"weights.lr_min", "2", "weights.lr", "1.5", "at most", kShapes},
    {"train.lr_min", "2", "train.lr", "1.5", "at most", kShapes},
    {"data.markov.branching", "4", "data.markov.vocabulary", "3"},
    {"data.markov.order", "3", "data.markov.train_tokens", "2", "below"},
    {"data.markov.order", "3", "data.markov.valid_tokens", "2", "below"},
    {"data.markov.order", "3", "data.markov.test_tokens", "2", "below"},
    {"data.pad", "10", "data.shapes.size", "9", "below", kShapes},
    {"data.cutout", "10", "data.shapes.size", "9", "below", kShapes},
};

std::vector<std::string> sets_of(const Case& broken, const std::string& value) {
  return {broken.smaller + "=" + value, broken.larger + "=" + broken.limit};
}

TEST(Bounds, ABrokenOneNamesBothKeysAndTheirValues) {
  for (const Case& broken : kCases) {
    EXPECT_EQ(refusal(broken.start, sets_of(broken, broken.value)).message,
              concat("t.toml: ", broken.smaller, " (", broken.value, ") must be ", broken.relation,
                     " ", broken.larger, " (", broken.limit, ")"));
    const std::string equal = refusal(broken.start, sets_of(broken, broken.limit)).message;
    EXPECT_EQ(equal.empty(), broken.relation == "at most") << broken.smaller << ": " << equal;
  }
}

TEST(Bounds, TheCasesAboveAreAll) {
  std::set<std::pair<std::string, std::string>> tested;
  for (const Case& broken : kCases) tested.emplace(broken.smaller, broken.larger);
  for (const Bound& bound : bounds()) {
    EXPECT_TRUE(tested.contains({std::string(bound.smaller), std::string(bound.larger)}))
        << bound.smaller << " " << bound.larger;
  }
  EXPECT_EQ(tested.size(), bounds().size());
}

TEST(Bounds, KeysThatNothingReadsBoundNothing) {
  EXPECT_EQ(refusal("data.source = \"folder\"\ndata.path = \"x\"\n", {"data.markov.vocabulary=3"})
                .message,
            "");
  EXPECT_EQ(
      refusal("space.kind = \"macro\"\ndata.path = \"x\"\n", {"data.pad=10", "data.shapes.size=9"})
          .message,
      "");
}

TEST(Ignored, AKeyBesideAnotherThatTurnsItOffIsTold) {
  const auto warnings = [](const std::string& text, const std::vector<std::string>& sets = {}) {
    return join(read(text, sets).warnings, "\n");
  };
  EXPECT_EQ(warnings(kMarkov + "data.path = \"x\"\n"),
            "t.toml:2:6: data.path is ignored: data.source = \"markov\"");
  EXPECT_EQ(warnings(kMarkov, {"weights.lr_restart_rounds=3"}),
            "--set weights.lr_restart_rounds=3: weights.lr_restart_rounds is ignored: "
            "weights.lr_schedule = \"decay\"");
  EXPECT_EQ(warnings(kShapes + "train.lr_decay = 0.5\ndata.valid_size = 7\n"),
            "t.toml:3:7: train.lr_decay is ignored: train.lr_schedule = \"cosine\"\n"
            "t.toml:4:6: data.valid_size is ignored: data.source = \"shapes\"");
  EXPECT_EQ(warnings("data.path = \"x\"\ndata.markov.order = 1\n"),
            "t.toml:2:13: data.markov.order is ignored: data.source = \"folder\"");
  // Nothing is lost where the value is the usual one.
  EXPECT_EQ(warnings("data.path = \"x\"\ndata.markov.order = 2\n"), "");
  EXPECT_EQ(warnings(kMarkov + "weights.lr_decay = 0.5\ntrain.averaging_patience = 7\n"), "");
}

TEST(Ignored, TheShippedConfigurationsReadAllThatTheySet) {
  int read_files = 0;
  const std::filesystem::path folder = std::filesystem::path(ENAS_SOURCE_FOLDER) / "configs";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    ++read_files;
    const auto config = read_config(read_config_text(entry.path()), entry.path().string(), {});
    EXPECT_EQ(join(config.warnings, "\n"), "") << entry.path();
  }
  EXPECT_GT(read_files, 5);
}

}  // namespace
}  // namespace enas::app
